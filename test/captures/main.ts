import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { TEXTBOOK } from './textbook.ts'

// `npm run captures -- FOLDER`: the nine captures of the lessons, each in a folder of its own with its tables of keys.

const [folder] = process.argv.slice(2)
if (folder === undefined) {
  console.error('culvert: where to? npm run captures -- FOLDER')
  process.exitCode = 2
} else {
  for (const make of TEXTBOOK) {
    const { name, pcapng, tables } = make()
    const place = join(folder, name)
    mkdirSync(place, { recursive: true })
    for (const [file, content] of Object.entries({ [`${name}.pcapng`]: pcapng, ...tables }))
      writeFileSync(join(place, file), content)
    console.log(place)
  }
}
