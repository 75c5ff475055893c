/** A range of addresses, ports and one protocol (0: any). RFC 7296 §3.13.1 */
export interface TrafficSelector {
  /** 7 TS_IPV4_ADDR_RANGE, 8 TS_IPV6_ADDR_RANGE. */
  readonly type: 7 | 8
  /** IP protocol, 0 for any. */
  readonly protocol: number
  readonly startPort: number
  readonly endPort: number
  /** 4 or 16 octets. */
  readonly startAddress: Uint8Array
  readonly endAddress: Uint8Array
}
