import type { EspSpi } from '../bytes/brands.ts'
import type { Secret } from '../bytes/secret.ts'
import type { EspSa, IpsecSa } from '../esp/engine.ts'

// Keys of the SAs that stand, copied for a person who wants to read what they protect: on purpose only. Whoever gets
// them closes them. Keys of SAs that are gone are gone.

/** What the messages of an IKE SA are sealed with. RFC 7296 §2.14 */
export interface ExposedIkev2 {
  readonly initiatorSpi: Uint8Array
  readonly responderSpi: Uint8Array
  /** IANA ids of transform types 1 and 3. */
  readonly encryption: { readonly id: number; readonly keyBits: number }
  readonly integrity: number | undefined
  readonly ei: Secret
  readonly er: Secret
  readonly ai: Secret
  readonly ar: Secret
}

/** What the messages of an ISAKMP SA are encrypted with. RFC 2409 Appendix B */
export interface ExposedIkev1 {
  readonly initiatorCookie: Uint8Array
  readonly cipher: Secret
}

/** One direction of ESP, between these outer addresses. */
export interface ExposedEsp {
  readonly source: string
  readonly destination: string
  readonly sa: EspSa
}

export interface ExposedKeys {
  readonly ikev1: readonly ExposedIkev1[]
  readonly ikev2: readonly ExposedIkev2[]
  readonly esp: readonly ExposedEsp[]
}

export function closeExposed({ ikev1, ikev2, esp }: ExposedKeys): void {
  for (const { cipher } of ikev1) cipher.close()
  for (const { ei, er, ai, ar } of ikev2) for (const key of [ei, er, ai, ar]) key.close()
  for (const { sa } of esp) closeSa(sa)
}

function closeSa({ encryptionKey, integrityKey }: EspSa): void {
  encryptionKey.close()
  integrityKey?.close()
}

function copyOf(sa: EspSa): EspSa {
  const { encryptionKey, integrityKey } = sa
  return {
    ...sa,
    encryptionKey: encryptionKey.clone(),
    ...(integrityKey === undefined ? {} : { integrityKey: integrityKey.clone() }),
  }
}

/** Copies of the ESP keys that the datapath has in use, for as long as it has: the engines give theirs to nobody. */
export class EspKeyShelf {
  readonly #kept = { inbound: new Map<EspSpi, EspSa>(), outbound: new Map<EspSpi, EspSa>() }

  /** Wireshark has no keys for AH, which hides nothing: there is nothing of it to copy. */
  add(direction: 'inbound' | 'outbound', { esp }: IpsecSa): void {
    if (esp === undefined) return
    this.remove(direction, esp.spi)
    this.#kept[direction].set(esp.spi, copyOf(esp))
  }

  remove(direction: 'inbound' | 'outbound', spi: EspSpi): void {
    const sa = this.#kept[direction].get(spi)
    if (sa !== undefined) closeSa(sa)
    this.#kept[direction].delete(spi)
  }

  /** Further copies. `local`, `remote`: the addresses at both ends of the path. */
  exposed(local: string, remote: string): readonly ExposedEsp[] {
    return [
      ...[...this.#kept.inbound.values()].map((sa) => ({
        source: remote,
        destination: local,
        sa: copyOf(sa),
      })),
      ...[...this.#kept.outbound.values()].map((sa) => ({
        source: local,
        destination: remote,
        sa: copyOf(sa),
      })),
    ]
  }

  close(): void {
    for (const direction of ['inbound', 'outbound'] as const)
      for (const spi of [...this.#kept[direction].keys()]) this.remove(direction, spi)
  }
}
