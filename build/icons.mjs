// Draws the pictures that are made of the SVG files in build/icons, with rsvg-convert (Debian: librsvg2-bin). They are
// part of the repository, so only who changes a drawing needs this: node build/icons.mjs
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './setup.mjs'

const folder = join(root, 'build', 'icons')

/** Sizes desktops ask for. https://specifications.freedesktop.org/icon-theme-spec/ */
const APP_SIZES = [16, 24, 32, 48, 64, 128, 256, 512, 1024]
/** One ink each, for light and dark panels; at twice the size for screens that are twice as fine. */
const INKS = { black: '#000000', white: '#ffffff' }
const TRAY = { '': 22, '@2x': 44 }

function draw(svg, size, file) {
  const png = execFileSync('rsvg-convert', ['-w', String(size), '-h', String(size)], { input: svg })
  writeFileSync(file, png)
}

mkdirSync(join(folder, 'app'), { recursive: true })
const app = readFileSync(join(folder, 'icon.svg'))
for (const size of APP_SIZES) draw(app, size, join(folder, 'app', `${size}x${size}.png`))

for (const name of readdirSync(join(folder, 'tray')).filter((file) => file.endsWith('.svg'))) {
  const svg = readFileSync(join(folder, 'tray', name), 'utf8')
  for (const [ink, colour] of Object.entries(INKS)) {
    for (const [suffix, size] of Object.entries(TRAY)) {
      const file = name.replace('.svg', `-${ink}${suffix}.png`)
      draw(svg.replaceAll('currentColor', colour), size, join(folder, 'tray', file))
    }
  }
}
