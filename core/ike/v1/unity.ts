import { addressBytes, addressText } from '../../bytes/address.ts'
import { concat, NO_OCTETS, utf8 } from '../../bytes/octets.ts'
import { ConfigurationAttribute as A } from '../../iana/ikev1.ts'
import { attributeBytes, attributeNumber } from '../../wire/ikev1/attribute.ts'
import type { Attribute } from '../../wire/ikev1/payload.ts'
import type { TrafficSelector } from '../../wire/ikev2/traffic-selector.ts'
import { idSelector } from './identities.ts'

/** What Cisco's gateways, and those that follow them, say beside addresses. All of it is checked: it is data of a stranger. */
export interface UnityTerms {
  /** Text for the person. */
  readonly banner?: string
  /** Whether the password may be kept on this computer. */
  readonly savePassword?: boolean
  readonly domain?: string
  /** Names that the gateway's name servers are asked for, and no others. */
  readonly splitDns: readonly string[]
  /** What goes through the tunnel; empty: everything. */
  readonly include: readonly TrafficSelector[]
  /** What the gateway would let go around it, CIDR. */
  readonly exclude: readonly TrafficSelector[]
  /** The group of perfect forward secrecy it asks for. */
  readonly pfsGroup?: number
  readonly backupServers: readonly string[]
}

/** Ours: octets of text of which more is cut, and entries of a list. */
const MOST_TEXT = 4_096
const MOST_ENTRIES = 256
/** Address, mask, then protocol and two ports, which nobody uses. */
const NETWORK_BYTES = 14

const REQUESTED = [
  A.UNITY_BANNER,
  A.UNITY_SAVE_PASSWD,
  A.UNITY_DEF_DOMAIN,
  A.UNITY_SPLIT_DNS,
  A.UNITY_SPLIT_INCLUDE,
  A.UNITY_LOCAL_LAN,
  A.UNITY_PFS,
  A.UNITY_BACKUP_SERVERS,
].map(({ id }) => id)

/** Asks for all of it; some gateways give nothing to who does not say what program it is. */
export const unityRequest = (): Attribute[] => [
  { type: A.APPLICATION_VERSION.id, bytes: utf8('Culvert') },
  ...REQUESTED.map((type) => ({ type, bytes: NO_OCTETS })),
]

/** What the attributes of a gateway say; what cannot be read is passed over. */
export function readUnity(attributes: readonly Attribute[]): UnityTerms {
  const of = ({ id }: { readonly id: number }): readonly Attribute[] =>
    attributes.filter(({ type }) => type === id)
  const words = (kind: { readonly id: number }, fits: (word: string) => boolean): readonly string[] =>
    of(kind)
      .flatMap((attribute) => textOf(attribute).split(/[,\s]+/))
      .filter((word) => word !== '' && fits(word))
      .slice(0, MOST_ENTRIES)
  const banner = of(A.UNITY_BANNER).map(textOf).join(' ').trim()
  const [domain] = words(A.UNITY_DEF_DOMAIN, isDomain)
  const [save] = of(A.UNITY_SAVE_PASSWD).map(attributeNumber)
  const [pfsGroup] = of(A.UNITY_PFS).map(attributeNumber)
  return {
    ...(banner === '' ? {} : { banner }),
    ...(domain === undefined ? {} : { domain }),
    ...(save === undefined ? {} : { savePassword: save === 1 }),
    ...(pfsGroup === undefined || pfsGroup === 0 ? {} : { pfsGroup }),
    splitDns: words(A.UNITY_SPLIT_DNS, isDomain),
    include: of(A.UNITY_SPLIT_INCLUDE).flatMap((attribute) => networks(attributeBytes(attribute))),
    exclude: of(A.UNITY_LOCAL_LAN).flatMap((attribute) => networks(attributeBytes(attribute))),
    backupServers: words(A.UNITY_BACKUP_SERVERS, (word) => isDomain(word) || isAddress(word)),
  }
}

/** What a gateway of ours gives of it to a client that asked: the networks behind it, and a domain. */
export function unityReply(
  asked: readonly Attribute[],
  behind: readonly TrafficSelector[],
  domain: string | undefined,
): Attribute[] {
  const wants = ({ id }: { readonly id: number }): boolean => asked.some(({ type }) => type === id)
  const list = behind.flatMap((selector) => networkOf(selector) ?? [])
  return [
    ...(wants(A.APPLICATION_VERSION) ? [{ type: A.APPLICATION_VERSION.id, bytes: utf8('Culvert') }] : []),
    ...(wants(A.UNITY_SPLIT_INCLUDE) && list.length > 0
      ? [{ type: A.UNITY_SPLIT_INCLUDE.id, bytes: concat(...list) }]
      : []),
    ...(wants(A.UNITY_DEF_DOMAIN) && domain !== undefined
      ? [{ type: A.UNITY_DEF_DOMAIN.id, bytes: utf8(domain) }]
      : []),
    ...(wants(A.UNITY_SPLIT_DNS) && domain !== undefined
      ? [{ type: A.UNITY_SPLIT_DNS.id, bytes: utf8(domain) }]
      : []),
  ]
}

/** Labels of letters, digits and hyphens: nothing that a program further on could take for more. */
const isDomain = (text: string): boolean =>
  text.length <= 253 &&
  /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i.test(text)

/** IPv6; an IPv4 address has the form of a domain. */
const isAddress = (text: string): boolean => {
  try {
    return addressBytes(text).length > 0
  } catch {
    return false
  }
}

/** Text without what could move a cursor. */
export const textOf = (attribute: Attribute): string =>
  Buffer.from(attributeBytes(attribute).subarray(0, MOST_TEXT))
    .toString('utf8')
    .replaceAll(/[\p{C}]/gu, ' ')
    .trim()

/** The last entry may come without the six octets behind the mask. */
function networks(bytes: Uint8Array): TrafficSelector[] {
  const found: TrafficSelector[] = []
  for (let at = 0; at + 8 <= bytes.length && found.length < MOST_ENTRIES; at += NETWORK_BYTES) {
    const data = bytes.slice(at, at + 8)
    const selector = idSelector({ type: 'ID', idType: 4, protocol: 0, port: 0, data })
    if (selector !== undefined) found.push(selector)
  }
  return found
}

function networkOf({ type, startAddress, endAddress }: TrafficSelector): Uint8Array | undefined {
  if (type !== 7) return undefined
  const mask = startAddress.map((octet, i) => ~(octet ^ endAddress[i]!) & 0xff)
  return concat(startAddress, mask, new Uint8Array(NETWORK_BYTES - 8))
}

/** For people and for plans. */
export const networkText = ({ startAddress, endAddress }: TrafficSelector): string => {
  const same = startAddress.reduce((sum, octet, i) => sum + Math.clz32(octet ^ endAddress[i]!) - 24, 0)
  return `${addressText(startAddress)}/${same}`
}
