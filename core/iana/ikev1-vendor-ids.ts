import { fromHex } from '../bytes/octets.ts'

/** What a peer says it can do, or is. No registry has them: each is a hash of a text, or made up. RFC 2408 §3.16 */
export interface VendorId {
  readonly name: string
  readonly bytes: Uint8Array
  /** More octets may follow: a version, or what exactly it can do. */
  readonly prefix: boolean
}

const whole = (name: string, hex: string): VendorId => ({ name, bytes: fromHex(hex), prefix: false })
const prefix = (name: string, hex: string): VendorId => ({ name, bytes: fromHex(hex), prefix: true })

export const VENDOR = {
  DPD: prefix('DPD (RFC 3706)', 'AFCAD71368A1F1C96B8696FC7757'),
  NATT_RFC3947: whole('NAT-T (RFC 3947)', '4A131C81070358455C5728F20E95452F'),
  NATT_03: whole('NAT-T (draft 03)', '7D9419A65310CA6F2C179D9215529D56'),
  NATT_02: whole('NAT-T (draft 02)', 'CD60464335DF21F87CFDB2FC68B6A448'),
  NATT_02N: whole('NAT-T (draft 02\\n)', '90CB80913EBB696E086381B5EC427B1F'),
  XAUTH: whole('XAuth', '09002689DFD6B712'),
  UNITY: prefix('Cisco Unity', '12F5F28C457168A9702D9FE274CC'),
  FRAGMENTATION: prefix('IKE fragmentation', '4048B7D56EBCE88525E7DE7F00D6C2D3'),
} as const satisfies Readonly<Record<string, VendorId>>

/** Whom we know by name only. */
const OTHERS: readonly VendorId[] = [
  whole('NAT-T (draft 00)', '4485152D18B6BBCD0BE8A8469579DDCC'),
  whole('NAT-T (draft 01)', '16F6CA16E4A4066D83821A0F0AEAA862'),
  whole('NAT-T (draft 04)', '9909B64EED937C6573DE52ACE952FA6B'),
  whole('NAT-T (draft 05)', '80D0BB3DEF54565EE84645D4C85CE3EE'),
  whole('NAT-T (draft 06)', '4D1E0E136DEAFA34C4F3EA9F02EC7285'),
  whole('NAT-T (draft 07)', '439B59F8BA676C4C7737AE22EAB8F582'),
  whole('NAT-T (draft 08)', '8F8D83826D246B6FC7A8A6A428C11DE8'),
  whole('NAT-T (of Apple)', '4DF37928E9FC4FD1B3262170D515C662'),
  prefix('Microsoft Windows', '1E2B516905991C7D7C96FCBFB587E461'),
  whole('Cisco delete with reason', '2D7922C6B301D9B0E1342739E9CFBBD5'),
  prefix('Cisco VPN 3000', '1F07F70EAA6514D3B0FA96542A50'),
  whole('strongSwan', '882FE56D6FD20DBC2251613B2EBE5BEB'),
  whole('racoon', '7003CBC1097DBE9C2600BA6983BC8B35'),
  whole('Shrew Soft', 'F14B94B7BFF1FEF02773B8C49FEDED26'),
  prefix('Fortinet FortiGate', '8299031757A36082C6A621DE'),
  prefix('Check Point', 'F4ED19E0C114EB516FAAAC0EE37DAF2807B4381F'),
  whole('SonicWall', '404BF439522CA3F6'),
  whole('ZyXEL ZyWALL', '625027749D5AB97F5616C1602765CF480A3B7D0B'),
  whole('NCP', '101FB0B35C5A4F4C08B919F1CB9777B0'),
]

const startsWith = (data: Uint8Array, start: Uint8Array): boolean =>
  data.length >= start.length && start.every((octet, i) => octet === data[i])

/** Whether the data of a vendor ID payload is this one. */
export const isVendor = (vendor: VendorId, data: Uint8Array): boolean =>
  startsWith(data, vendor.bytes) && (vendor.prefix || data.length === vendor.bytes.length)

/** The name of a vendor ID, for people; `undefined` for strangers. */
export const vendorName = (data: Uint8Array): string | undefined =>
  [...Object.values(VENDOR), ...OTHERS].find((vendor) => isVendor(vendor, data))?.name
