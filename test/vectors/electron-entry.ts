// Runs the vectors in whatever runtime executes it and prints the results as JSON. argv: the folder of the vectors.
import { createRegistry } from '../../core/crypto/registry.ts'
import { loadAddon } from '../../core/native/load.ts'
import { runVectors } from './run.ts'

const [, , data] = process.argv
if (data === undefined) throw new Error('which folder holds the vectors?')
const addon = loadAddon()
console.log(
  JSON.stringify({
    runtime: { node: process.versions.node, electron: process.versions.electron ?? null },
    cryptoVersion: addon.cryptoVersion,
    results: runVectors(data, createRegistry(addon), addon),
  }),
)
