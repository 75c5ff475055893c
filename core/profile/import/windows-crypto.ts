/** Algorithms as Windows names them in PowerShell and ProfileXML, in words of ours. */
export const WINDOWS_ENCRYPTION: Readonly<Record<string, string>> = {
  DES: 'des',
  DES3: '3des',
  AES128: 'aes128',
  AES192: 'aes192',
  AES256: 'aes256',
  GCMAES128: 'aes128gcm16',
  GCMAES192: 'aes192gcm16',
  GCMAES256: 'aes256gcm16',
  AES_GCM_128: 'aes128gcm16',
  AES_GCM_256: 'aes256gcm16',
}

export const WINDOWS_INTEGRITY: Readonly<Record<string, string>> = {
  MD5: 'md5',
  MD596: 'md5',
  SHA1: 'sha1',
  SHA196: 'sha1',
  SHA256: 'sha256',
  SHA256128: 'sha256',
  SHA384: 'sha384',
}

export const WINDOWS_GROUPS: Readonly<Record<string, string>> = {
  None: '',
  Group1: 'modp768',
  Group2: 'modp1024',
  Group14: 'modp2048',
  PFS1: 'modp768',
  PFS2: 'modp1024',
  PFS2048: 'modp2048',
  PFSMM: '',
  ECP256: 'ecp256',
  ECP384: 'ecp384',
  Group24: 'modp2048s256',
  PFS24: 'modp2048s256',
}

/** The six things Windows lets one choose; what is left out has its default. */
export interface WindowsSuite {
  readonly encryption: string
  readonly integrity: string
  readonly group: string
  readonly cipher: string
  readonly authentication: string
  readonly pfs: string
}

/** One suite for the IKE SA. GCM takes the integrity algorithm as its PRF. */
export function windowsIkeSuite({ encryption, integrity, group }: WindowsSuite): string {
  const hash = encryption.includes('gcm') ? `prf${integrity}` : integrity
  return [encryption, hash, group].filter((word) => word !== '').join('-')
}

export function windowsEspSuite({ cipher, authentication, pfs }: WindowsSuite): string {
  const hash = cipher.includes('gcm') ? '' : authentication
  return [cipher, hash, pfs].filter((word) => word !== '').join('-')
}

/** Integrity, encryption, group, cipher, authentication, PFS: lists by number, as `CustomIPSecPolicies` has them. */
const LISTS = [
  ['md5', 'sha1', 'sha256', 'sha384'],
  ['des', '3des', 'aes128', 'aes192', 'aes256', 'aes128gcm16', 'aes256gcm16'],
  ['', 'modp768', 'modp1024', 'modp2048', 'ecp256', 'ecp384', 'modp2048s256'],
  ['', 'des', '3des', 'aes128', 'aes192', 'aes256', 'aes128gcm16', 'aes192gcm16', 'aes256gcm16'],
  ['md5', 'sha1', 'sha256', 'aes128gcm16', 'aes192gcm16', 'aes256gcm16'],
  ['', 'modp768', 'modp1024', 'modp2048', 'ecp256', 'ecp384', '', 'modp2048s256'],
] as const

/** Six little-endian numbers in hex; `undefined` where one is unknown. */
export function windowsPolicies(hex: string): WindowsSuite | undefined {
  if (!/^[0-9a-f]{48}$/i.test(hex)) return undefined
  const bytes = Buffer.from(hex, 'hex')
  const words = LISTS.map((list, at) => list[bytes.readUInt32LE(4 * at)] as string | undefined)
  const [integrity, encryption, group, cipher, authentication, pfs] = words
  if (words.some((word) => word === undefined)) return undefined
  return {
    integrity: integrity ?? '',
    encryption: encryption ?? '',
    group: group ?? '',
    cipher: cipher ?? '',
    authentication: authentication ?? '',
    pfs: pfs ?? '',
  }
}
