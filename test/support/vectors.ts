import { readFileSync } from 'node:fs'

/** Octets of a file under test/vectors/data. */
export const vector = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../vectors/data/${name}`, import.meta.url)))

export const vectorJson = <T>(name: string): T => JSON.parse(Buffer.from(vector(name)).toString('utf8')) as T
