#!/usr/bin/env node
// Stands in for fpm, which electron-builder fetches from a place not every machine reaches: takes the arguments
// electron-builder gives for a .deb and has dpkg-deb make it. Knows those arguments and no others.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const SINGLE = ['--force', '--debug']
const FIELDS = {
  '--name': 'Package',
  '--version': 'Version',
  '--architecture': 'Architecture',
  '--maintainer': 'Maintainer',
  '--deb-priority': 'Priority',
  '--category': 'Section',
  '--url': 'Homepage',
}
const SCRIPTS = { '--after-install': 'postinst', '--after-remove': 'postrm' }
const NAMELESS = ['-s', '-t', '--deb-compression', '--vendor', '--license', '--log']

const control = {}
const lists = { '-d': [], '--deb-recommends': [] }
const [scripts, files] = [{}, []]
let target = ''
const given = process.argv.slice(2)
while (given.length > 0) {
  const word = given.shift()
  if (SINGLE.includes(word)) continue
  if (!word.startsWith('-')) {
    files.push(word.split(/=(?=[^=]*$)/))
    continue
  }
  const value = given.shift()
  if (FIELDS[word]) control[FIELDS[word]] = value
  else if (SCRIPTS[word]) scripts[SCRIPTS[word]] = value
  else if (lists[word]) lists[word].push(value)
  else if (word === '--description') control.Description = value.trim()
  else if (word === '--package') target = value
  else if (!NAMELESS.includes(word)) throw new Error(`what is ${word}?`)
}

const folder = mkdtempSync(join(tmpdir(), 'culvert-deb-'))
try {
  const inside = join(folder, 'DEBIAN')
  mkdirSync(inside, { mode: 0o755 })
  for (const [from, to] of files) {
    const place = join(folder, to)
    mkdirSync(dirname(place), { recursive: true, mode: 0o755 })
    cpSync(from, place, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
    if (statSync(from).isFile()) spawnSync('chmod', ['644', place])
  }
  control.Depends = lists['-d'].join(', ')
  if (lists['--deb-recommends'].length > 0) control.Recommends = lists['--deb-recommends'].join(', ')
  control['Installed-Size'] = spawnSync('du', ['-sk', folder], { encoding: 'utf8' }).stdout.split('\t')[0]
  const { Description, ...rest } = control
  const lines = Object.entries({ ...rest, Description }).map(([name, value]) => `${name}: ${value}`)
  writeFileSync(join(inside, 'control'), `${lines.join('\n')}\n`)
  for (const [name, from] of Object.entries(scripts)) {
    writeFileSync(join(inside, name), readFileSync(from), { mode: 0o755 })
  }
  // Whoever builds it may have told the system what new files are open to; here root runs them and everybody reads them.
  spawnSync('chmod', ['-R', 'a+rX,go-w', folder])
  const { status } = spawnSync(
    'dpkg-deb',
    ['--root-owner-group', '-Zgzip', '-z1', '--build', folder, target],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  process.exitCode = status ?? 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
