import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { adviceFor } from '../advice.ts'
import { Secret } from '../bytes/secret.ts'
import { createRegistry } from '../crypto/registry.ts'
import { VpnFailure } from '../errors.ts'
import { Space } from '../gateway/demo/space.ts'
import { loadAddon, nativePath } from '../native/load.ts'
import { PKEXEC } from '../net/edge.ts'
import type { ProfileStore } from '../profile/store.ts'
import type { SecretStore } from '../secrets/store.ts'

/** One thing that was looked at, for `culvert doctor` and the window's Checks. */
export interface Finding {
  readonly name: string
  readonly state: 'ok' | 'missing' | 'warning'
  readonly detail: string
  readonly tryThis: readonly string[]
}

export type Examined = Omit<Finding, 'name'>

const ok = (detail: string): Examined => ({ state: 'ok', detail, tryThis: [] })

/**
 * Looks at everything a connection needs, and changes nothing; `tell` hears how many of them are done. Never throws.
 */
export async function examine(
  profiles: Pick<ProfileStore, 'list'>,
  keychain: SecretStore,
  tell: (done: number, total: number) => void = () => {},
): Promise<readonly Finding[]> {
  const looks = thingsToExamine(profiles, keychain)
  let done = 0
  return Promise.all(
    looks.map(async ({ name, look }) => {
      const finding = { name, ...(await look()) }
      done += 1
      tell(done, looks.length)
      return finding
    }),
  )
}

/** What there is to look at on this computer, one by one, for a face that shows how far it has come. */
export function thingsToExamine(
  profiles: Pick<ProfileStore, 'list'>,
  keychain: SecretStore,
): readonly { readonly name: string; look(): Examined | Promise<Examined> }[] {
  const checks: readonly (readonly [string, () => Examined | Promise<Examined>])[] = [
    ['native part', nativePart],
    ['datapath', datapath],
    ['helper', helper],
    ['permission', permission],
    ['TUN device', tunDevice],
    ['kill switch', killSwitch],
    ['algorithms', algorithms],
    ['name servers', nameServers],
    ['keychain', () => keychainAnswers(keychain)],
    ['profiles', () => profilesRead(profiles)],
    ['leftovers', leftovers],
    ['demo', demo],
  ]
  return checks.map(([name, look]) => ({ name, look }))
}

/** A fault as a finding. */
function missing(thrown: unknown, state: 'missing' | 'warning' = 'missing'): Examined {
  if (!(thrown instanceof VpnFailure)) return { state, detail: String(thrown), tryThis: [] }
  const { title, detail, tryThis } = adviceFor(thrown.error)
  return { state, detail: `${title}: ${detail}`, tryThis }
}

function nativePart(): Examined {
  try {
    return ok(`loads, with ${loadAddon().cryptoVersion}`)
  } catch (thrown) {
    return missing(thrown)
  }
}

/** Which engine a tunnel would get. */
function datapath(): Examined {
  const nothing = () => {}
  try {
    const addon = loadAddon()
    addon.openEsp(0n, 0n, 0n, 0n, 64, false, nothing, nothing, nothing).close()
    return ok(`native: two threads for each tunnel (ipsec-mb: ${addon.ipsecMbVersion})`)
  } catch (thrown) {
    if (thrown instanceof VpnFailure) return missing(thrown)
    const problem = thrown instanceof Error ? thrown.message : String(thrown)
    const detail = `the native engine cannot be used (${problem}); tunnels work, but many times slower`
    return { state: 'warning', detail, tryThis: ['Build the native part again: node build/native.mjs'] }
  }
}

function helper(): Examined {
  try {
    return ok(nativePath('culvert-helper'))
  } catch (thrown) {
    return missing(thrown)
  }
}

function permission(): Examined {
  if (process.getuid?.() === 0) return ok('running as root: the helper is started directly')
  if (existsSync(PKEXEC)) return ok('the desktop asks for a password when the network is changed (polkit)')
  return {
    state: 'missing',
    detail: `there is no ${PKEXEC}, so nobody can ask for permission`,
    tryThis: ['Install polkit (Debian: apt-get install pkexec polkitd)', 'Or run culvert with sudo'],
  }
}

function tunDevice(): Examined {
  const path = '/dev/net/tun'
  if (process.platform !== 'linux') {
    return { state: 'missing', detail: `no tunnel devices on ${process.platform} yet`, tryThis: [] }
  }
  if (existsSync(path)) return ok(path)
  return missing(new VpnFailure({ kind: 'noTun', problem: `there is no ${path}` }))
}

/** The program the helper gives its rules to. Only profiles with a kill switch need it. */
function killSwitch(): Examined {
  const path = '/usr/sbin/nft'
  if (existsSync(path)) return ok(`nftables is there (${path})`)
  return {
    state: 'warning',
    detail: `there is no ${path}: profiles with a kill switch do not connect`,
    tryThis: ['Install nftables (Debian: apt-get install nftables)'],
  }
}

function algorithms(): Examined {
  try {
    const { encryption, prf, integrity, keyExchange } = createRegistry(loadAddon())
    return ok(
      `${encryption.size} ciphers, ${prf.size} PRFs, ${integrity.size} integrity algorithms, ${keyExchange.size} key exchanges`,
    )
  } catch (thrown) {
    return missing(thrown)
  }
}

function nameServers(): Examined {
  if (existsSync('/run/systemd/resolve/stub-resolv.conf')) return ok('systemd-resolved takes them')
  try {
    const lines = readFileSync('/etc/resolv.conf', 'utf8').split('\n')
    const servers = lines.filter((line) => line.startsWith('nameserver')).length
    return ok(`/etc/resolv.conf, ${servers} name ${servers === 1 ? 'server' : 'servers'}`)
  } catch {
    return {
      state: 'warning',
      detail: 'there is no /etc/resolv.conf: names are not looked up here',
      tryThis: ['Use numeric addresses for gateways'],
    }
  }
}

/** Asks for something nobody saved: the answer does not matter, that there is one does. */
async function keychainAnswers(keychain: SecretStore): Promise<Examined> {
  try {
    const found = await keychain.get('culvert-doctor', 'nothing')
    if (found instanceof Secret) found.close()
    return ok('answers')
  } catch (thrown) {
    return missing(thrown, 'warning')
  }
}

async function profilesRead(profiles: Pick<ProfileStore, 'list'>): Promise<Examined> {
  try {
    const { profiles: good, damaged } = await profiles.list()
    if (damaged.length === 0) return ok(`${good.length} of ${good.length} can be used`)
    return {
      state: 'warning',
      detail: `${damaged.length} cannot be used: ${damaged.map((one) => adviceFor(one).detail).join(' ')}`,
      tryThis: ['Mend them with culvert edit, or import them again'],
    }
  } catch (thrown) {
    return missing(thrown)
  }
}

/** Makes the namespaces of the demo tunnel and a device in them, and gives both up again. No connection needs them. */
async function demo(): Promise<Examined> {
  let space: Space | undefined
  try {
    const addon = loadAddon()
    space = await Space.open({ addon })
    const { fd, kind } = await space.openDevice('here', 'culvert0')
    addon.closeFd(fd)
    const device = kind === 'tun' ? '' : ', with a cable in the place of /dev/net/tun'
    return ok(`the demo tunnel can run here, in namespaces of its own${device}`)
  } catch (thrown) {
    return missing(thrown, 'warning')
  } finally {
    await space?.close()
  }
}

/** Journals of helpers that died; the next connection undoes what they tell. */
function leftovers(): Examined {
  const folder = '/run/culvert'
  try {
    accessSync(folder, constants.R_OK)
    const journals = readdirSync(folder).filter((name) => name.endsWith('.journal'))
    const dead = journals.filter((name) => !existsSync(`/proc/${name.split('-')[0] ?? ''}`))
    if (dead.length === 0) return ok('nothing is left of earlier connections')
    return {
      state: 'warning',
      detail: 'an earlier run died before it had undone its changes',
      tryThis: ['Connect once: that undoes them first'],
    }
  } catch {
    return ok('nothing is left of earlier connections')
  }
}
