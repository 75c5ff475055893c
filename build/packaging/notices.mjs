// The licences of everything that is inside a package.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup.mjs'

/** Bundled by the build, though the lock file calls them development: they run in the window. */
const ALSO = ['svelte']
/** Linked into the native part: their licences as Debian brings them. */
const LINKED = [
  ['OpenSSL', '/usr/share/doc/libssl-dev/copyright'],
  ['Intel IPsec Multi-Buffer', '/usr/share/doc/libipsec-mb-dev/copyright'],
]

/** One text. Throws an `Error` of one sentence where a package in it does not say its licence. */
export function notices() {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const inside = Object.entries(lock.packages).filter(
    ([path, entry]) =>
      path.startsWith('node_modules/') && (!entry.dev || ALSO.includes(path.slice('node_modules/'.length))),
  )
  const parts = inside.flatMap(([path, { version, license }]) => {
    const folder = join(root, path)
    // Binaries for other systems are in the lock file and not here.
    if (!existsSync(folder)) return []
    const file = readdirSync(folder).find((name) => /^(licen[cs]e|copying)/i.test(name))
    if (file === undefined && license === undefined) throw new Error(`${path} does not say its licence`)
    const text = file === undefined ? `Licence: ${license}` : readFileSync(join(folder, file), 'utf8').trim()
    return [`${path.replace(/^.*node_modules\//, '')} ${version}\n\n${text}`]
  })
  const fonts = readFileSync(join(root, 'renderer', 'fonts', 'OFL.txt'), 'utf8').trim()
  const linked = LINKED.flatMap(([name, file]) =>
    existsSync(file) ? [`${name}\n\n${readFileSync(file, 'utf8').trim()}`] : [],
  )
  const line = `\n\n${'-'.repeat(80)}\n\n`
  return `${[...parts, `Atkinson Hyperlegible\n\n${fonts}`, ...linked].join(line)}\n`
}
