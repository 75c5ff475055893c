import { randomBytes } from 'node:crypto'
import { digestOf, streamBetween } from '../../support/tunnel/stream.ts'
import type { Contender } from './contender.ts'

/** Whether a stream of octets came out as it went in, by SHA-256. */
export interface Integrity {
  readonly name: string
  readonly megabytes: number
  readonly equal: boolean
  readonly seconds: number
}

/** Sends that many MiB through a tunnel, once. */
export async function integrityOf({ name, open }: Contender, megabytes: number): Promise<Integrity> {
  const running = await open()
  try {
    const seed = randomBytes(8).toString('hex')
    const before = performance.now()
    const came = await streamBetween(running.client, running.server, running.to, megabytes, seed)
    const seconds = (performance.now() - before) / 1000
    return { name, megabytes, equal: came === digestOf(megabytes, seed), seconds }
  } finally {
    await running.close()
  }
}
