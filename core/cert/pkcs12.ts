import { Constructed, OctetString } from 'asn1js'
import { Malformed } from '../bytes/malformed.ts'
import { inside, type Place, readDer, sequence, smallInteger } from './der.ts'
import { forge } from './forge.ts'
import type { CredentialProblem } from './private-key.ts'

/** What a PKCS#12 file holds, all DER. */
export interface Pkcs12 {
  readonly certificates: readonly Uint8Array[]
  /** PKCS#8 or, of RSA, PKCS#1. The caller wipes them. */
  readonly keys: readonly Uint8Array[]
}
export type Pkcs12Read =
  | { readonly ok: true; readonly value: Pkcs12 }
  | { readonly ok: false; readonly problem: CredentialProblem }

const CHOICE = {
  maxOctets: 0x10_0000,
  /** More rounds than this over the passphrase are a way to stop us, not to slow an attacker. */
  maxIterations: 1_000_000,
} as const

const PLACE: Place = { what: 'PFX', reference: 'RFC 7292 §4' }
const LIMITS = { maxOctets: CHOICE.maxOctets, maxDepth: 32, maxNodes: 20_000, ber: true }

const failed = (why: CredentialProblem['why'], problem: string): Pkcs12Read => ({
  ok: false,
  problem: { why, problem },
})

/** The octets are a PFX: SEQUENCE { INTEGER 3, SEQUENCE … }. RFC 7292 §4 */
export function looksLikePkcs12(octets: Uint8Array): boolean {
  try {
    const [version, content] = sequence(readDer(octets, PLACE, LIMITS), PLACE)
    return smallInteger(version, PLACE) === 3 && inside(content, PLACE).length === 2
  } catch {
    return false
  }
}

/** A PKCS#12 file, encrypted in today's way (AES, PBKDF2) or the old one (3DES, RC2-40). RFC 7292 */
export function readPkcs12(octets: Uint8Array, passphrase: string): Pkcs12Read {
  if (octets.length > CHOICE.maxOctets) {
    return failed('malformed', `${octets.length} octets are more than any PKCS#12 file has`)
  }
  try {
    const rounds = mostIterations(octets)
    if (rounds > CHOICE.maxIterations) {
      return failed(
        'unsupported',
        `it asks for ${rounds} rounds over the passphrase, more than ${CHOICE.maxIterations}`,
      )
    }
    const pfx = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(latin1(octets)), false, passphrase)
    const bags = pfx.safeContents.flatMap(({ safeBags }) => safeBags)
    return { ok: true, value: { certificates: bags.flatMap(certificateOf), keys: bags.flatMap(keyOf) } }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (/MAC could not be verified|Invalid password|wrong password/i.test(message)) {
      return failed('passphraseWrong', 'the passphrase does not open the file')
    }
    return failed('malformed', `it cannot be read: ${message}`)
  }
}

const latin1 = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1')
const derOf = (node: forge.asn1.Asn1): Uint8Array =>
  Uint8Array.from(Buffer.from(forge.asn1.toDer(node).getBytes(), 'latin1'))

function certificateOf(bag: forge.pkcs12.Bag): Uint8Array[] {
  if (bag.type !== forge.pki.oids.certBag) return []
  if (bag.cert === null || bag.cert === undefined) return bag.asn1 === undefined ? [] : [derOf(bag.asn1)]
  // forge writes the outer algorithm anew, and not always as it was; the inner one is the same and signed.
  const { asn1 } = forge
  const tbs = bag.cert.tbsCertificate as forge.asn1.Asn1
  const fields = tbs.value as forge.asn1.Asn1[]
  const algorithm = fields[fields[0]?.tagClass === asn1.Class.CONTEXT_SPECIFIC ? 2 : 1]!
  const signature = asn1.create(asn1.Class.UNIVERSAL, asn1.Type.BITSTRING, false, `\0${bag.cert.signature}`)
  return [derOf(asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, [tbs, algorithm, signature]))]
}

function keyOf(bag: forge.pkcs12.Bag): Uint8Array[] {
  if (bag.type !== forge.pki.oids.pkcs8ShroudedKeyBag && bag.type !== forge.pki.oids.keyBag) return []
  if (bag.key !== null && bag.key !== undefined) return [derOf(forge.pki.privateKeyToAsn1(bag.key))]
  return bag.asn1 === undefined ? [] : [derOf(bag.asn1)]
}

/**
 * The highest number of rounds anything in the file asks for, found before anything is computed. All of them stand in a
 * SEQUENCE { OCTET STRING salt, INTEGER rounds … } or, for the MAC, in SEQUENCE { SEQUENCE, OCTET STRING, INTEGER }.
 */
function mostIterations(octets: Uint8Array): number {
  let most = 1
  const visit = (der: Uint8Array, depth: number): void => {
    if (depth > 8) return
    let root: ReturnType<typeof readDer>
    try {
      root = readDer(der, PLACE, LIMITS)
    } catch (error) {
      if (error instanceof Malformed && depth > 0) return
      throw error
    }
    const walk = (node: typeof root): void => {
      if (node instanceof OctetString) visit(new Uint8Array(node.getValue()), depth + 1)
      // Salts and ciphertext read like elements by accident, of kinds that have nothing inside too.
      else if (node instanceof Constructed) {
        const children = inside(node, PLACE)
        for (const [at, child] of children.entries()) {
          const salted = isPrimitive(child, 2) && at > 0 && isPrimitive(children[at - 1], 4)
          if (salted) most = Math.max(most, numberOf(child))
          walk(child)
        }
      }
    }
    walk(root)
  }
  visit(octets, 0)
  return most
}

type Node = ReturnType<typeof readDer>
const isPrimitive = (node: Node | undefined, tag: number): boolean =>
  node?.idBlock.tagClass === 1 && node.idBlock.tagNumber === tag && !node.idBlock.isConstructed

const numberOf = (node: Node): number =>
  Number(
    `0x${Buffer.from(node.valueBeforeDecodeView.subarray(node.idBlock.blockLength + node.lenBlock.blockLength)).toString('hex')}`,
  )
