/** Link types of a capture. https://www.tcpdump.org/linktypes.html */
const LINK = {
  null: 0,
  ethernet: 1,
  raw: 101,
  rawOld: 12,
  rawOpenBsd: 14,
  loop: 108,
  linuxCooked: 113,
  linuxCooked2: 276,
  ipv4: 228,
  ipv6: 229,
} as const

/** Octets in front of the IP header; `undefined` for kinds of link that are not known. */
export function linkBytes(bytes: Uint8Array, linkType: number): number | undefined {
  switch (linkType) {
    case LINK.null:
    case LINK.loop:
      return 4
    case LINK.ethernet:
      return ethernetBytes(bytes)
    case LINK.raw:
    case LINK.rawOld:
    case LINK.rawOpenBsd:
    case LINK.ipv4:
    case LINK.ipv6:
      return 0
    case LINK.linuxCooked:
      return 16
    case LINK.linuxCooked2:
      return 20
    default:
      return undefined
  }
}

/** With as many VLAN tags as there are. */
function ethernetBytes(bytes: Uint8Array): number {
  let at = 12
  while (at + 6 <= bytes.length && VLAN_TAGS.has((bytes[at]! << 8) | bytes[at + 1]!)) at += 4
  return at + 2
}
const VLAN_TAGS: ReadonlySet<number> = new Set([0x8100, 0x88a8])
