import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromHex } from '../../core/bytes/octets.ts'
import { Hash, type HashName } from '../../core/cert/oids.ts'
import { decodePublicKeyDer } from '../../core/cert/public-key.ts'
import { type SignatureScheme, verifySignature } from '../../core/cert/signature.ts'
import { Tally, type VectorResult } from './result.ts'

interface Group {
  readonly publicKeyDer: string
  readonly sLen?: number
  readonly tests: readonly {
    readonly tcId: number
    readonly comment: string
    readonly msg: string
    readonly sig: string
    readonly result: 'valid' | 'invalid' | 'acceptable'
  }[]
}

const FILES: readonly [string, SignatureScheme][] = [
  ['rsa_signature_2048_sha256', { kind: 'rsa', hash: 'sha256' }],
  ['rsa_signature_2048_sha384', { kind: 'rsa', hash: 'sha384' }],
  ['rsa_signature_2048_sha512', { kind: 'rsa', hash: 'sha512' }],
  ['rsa_pss_2048_sha256_mgf1_32', pss('sha256')],
  ['rsa_pss_3072_sha256_mgf1_32', pss('sha256')],
  ['ecdsa_secp256r1_sha256', { kind: 'ecdsa', hash: 'sha256' }],
  ['ecdsa_secp384r1_sha384', { kind: 'ecdsa', hash: 'sha384' }],
  ['ecdsa_secp521r1_sha512', { kind: 'ecdsa', hash: 'sha512' }],
  ['ed25519', { kind: 'ed25519' }],
  ['ed448', { kind: 'ed448' }],
]

function pss(hash: HashName): SignatureScheme {
  return { kind: 'pss', hash, saltOctets: Hash[hash].octets }
}

/** Every Wycheproof signature through the one function that judges them. `acceptable` ones may go either way. */
export const runSignatures = (data: string): VectorResult[] =>
  FILES.map(([file, scheme]) => {
    const tally = new Tally(file)
    const { testGroups } = JSON.parse(readFileSync(join(data, `${file}_test.json`), 'utf8')) as {
      testGroups: Group[]
    }
    for (const group of testGroups) {
      const key = decodePublicKeyDer(fromHex(group.publicKeyDer))
      for (const { tcId, comment, msg, sig, result } of group.tests) {
        tally.case(`${tcId} ${comment} (${result})`, () => {
          const valid = verifySignature(key, scheme, fromHex(msg), fromHex(sig))
          return result === 'acceptable' || valid === (result === 'valid')
        })
      }
    }
    return tally.result()
  })
