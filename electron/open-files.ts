import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Files named on a command line, as paths. Desktops write them as paths or as addresses (`%U` of a desktop entry, Desktop
 * Entry Specification 1.5). `from`: the folder the command was given in. `packaged`: else the first argument is the app.
 */
export function filesIn(argv: readonly string[], from: string, packaged: boolean): readonly string[] {
  return argv
    .slice(1)
    .filter((argument) => !argument.startsWith('-'))
    .slice(packaged ? 0 : 1)
    .flatMap((argument) => pathOf(argument, from) ?? [])
}

/** Addresses of anything but a file of this machine are nobody's file. */
function pathOf(argument: string, from: string): string | undefined {
  if (!/^[a-z][a-z+.-]+:/i.test(argument)) return resolve(from, argument)
  try {
    return fileURLToPath(argument)
  } catch {
    return undefined
  }
}
