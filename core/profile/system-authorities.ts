import * as tls from 'node:tls'
import type { Certificate } from '../cert/certificate.ts'
import { readCertificates } from '../cert/own-key.ts'

/** Newer Nodes ask the operating system; older ones know the list they were built with. */
interface TlsTrust {
  readonly getCACertificates?: (kind: 'system') => readonly string[]
  readonly rootCertificates: readonly string[]
}

let known: readonly Certificate[] | undefined

/**
 * The authorities this computer trusts: those of the operating system, where the runtime can ask for them, else those
 * that came with the runtime. Read once; what we cannot read vouches for nobody.
 */
export function systemAuthorities(trust: TlsTrust = tls as TlsTrust): readonly Certificate[] {
  if (known !== undefined && trust === (tls as TlsTrust)) return known
  const found = pemsOf(trust).flatMap((pem) => {
    const read = readCertificates(Buffer.from(pem, 'latin1'))
    return read.ok ? read.certificates : []
  })
  if (trust === (tls as TlsTrust)) known = found
  return found
}

function pemsOf(trust: TlsTrust): readonly string[] {
  let system: readonly string[] = []
  try {
    system = trust.getCACertificates?.('system') ?? []
  } catch {
    // A store that cannot be opened is an empty one.
  }
  return system.length > 0 ? system : trust.rootCertificates
}
