// culvert-client PROFILE.json: connects and disconnects once for every line `connect`, in one warm process. The first
// line are the secrets as a JSON object. Says what it took as one JSON line: from the command to the CHILD_SA in place.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Secret } from '../../core/bytes/secret.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import { systemRandom } from '../../core/crypto/system-random.ts'
import type { VpnError } from '../../core/errors.ts'
import { startConnection } from '../../core/ike/driver.ts'
import { loadAddon } from '../../core/native/load.ts'
import { openEdge } from '../../core/net/edge.ts'
import type { OsEdge } from '../../core/net/plan.ts'
import { connectionConfig } from '../../core/profile/config.ts'
import { type Profile, requireProfile } from '../../core/profile/schema.ts'

type Answer = { readonly ms: number } | { readonly error: VpnError | undefined }

/** Bundled or not, `dist/native/culvert-helper` of the checkout above this file. */
function helperPath(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const path = join(folder, 'dist/native/culvert-helper')
    if (existsSync(path) || folder === dirname(folder)) return path
  }
}

const addon = loadAddon()
const registry = createRegistry(addon)

const secretsOf = (texts: Readonly<Record<string, string>>): ReadonlyMap<string, Secret> =>
  new Map(Object.entries(texts).map(([name, text]) => [name, Secret.fromText(text)]))

/** No TUN is attached: what is measured ends with the CHILD_SA, as it does in charon's log. */
function connectOnce(
  profile: Profile,
  secrets: Readonly<Record<string, string>>,
  edge: OsEdge,
): Promise<Answer> {
  return new Promise((resolve) => {
    let answer: Answer | undefined
    const config = connectionConfig(profile, secretsOf(secrets), profile.gateway.host)
    const startMs = performance.now()
    const connection = startConnection({
      config,
      edge,
      addon,
      registry,
      random: systemRandom,
      listener: {
        changed() {},
        message() {},
        note() {},
        ask: () => Promise.resolve(undefined),
        established() {
          answer = { ms: performance.now() - startMs }
          setImmediate(() => connection.command({ type: 'disconnect' }))
        },
        closed: (error) => resolve(answer ?? { error }),
      },
    })
    connection.command({ type: 'connect' })
  })
}

const [file = ''] = process.argv.slice(2)
if (file !== '--check') {
  const profile = requireProfile(JSON.parse(await readFile(file, 'utf8')), file)
  const edge = await openEdge({ addon, helperPath: helperPath() })
  let secrets: Readonly<Record<string, string>> | undefined
  for await (const line of createInterface({ input: process.stdin })) {
    if (secrets === undefined) secrets = JSON.parse(line)
    else console.log(JSON.stringify(await connectOnce(profile, secrets, edge)))
  }
  await edge.close()
}
