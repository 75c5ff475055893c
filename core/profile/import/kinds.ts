import { toHex } from '../../bytes/octets.ts'
import { decodeText } from './text.ts'

export type Kind =
  | 'zip'
  | 'sealed'
  | 'signed'
  | 'plist'
  | 'pkcs12'
  | 'der'
  | 'pem'
  | 'culvert'
  | 'sswan'
  | 'onc'
  | 'profile-xml'
  | 'forticlient'
  | 'swanctl'
  | 'ipsec-conf'
  | 'ipsec-secrets'
  | 'network-manager'
  | 'pcf'
  | 'vpnc'
  | 'shrew'
  | 'rasphone'
  | 'powershell'

/** What a file is, by its first octets. Only the beginning is looked at. */
const BINARY: readonly (readonly [Kind, (bytes: Uint8Array) => boolean])[] = [
  ['zip', (bytes) => starts(bytes, 'PK\x03\x04') || starts(bytes, 'PK\x05\x06')],
  ['plist', (bytes) => starts(bytes, 'bplist')],
  ['sealed', (bytes) => starts(bytes, 'age-encryption.org/')],
  // ContentInfo of type signedData. RFC 5652 §3, §5.1
  [
    'signed',
    (bytes) =>
      bytes[0] === 0x30 && latin1(bytes, 40).includes('\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02'),
  ],
  // PFX begins with version 3. RFC 7292 §4
  [
    'pkcs12',
    (bytes) => /^30(?:[0-7].|80|81..|82.{4}|83.{6}|84.{8})020103/.test(toHex(bytes.subarray(0, 12))),
  ],
  ['der', (bytes) => bytes[0] === 0x30 && (bytes[1] ?? 0) >= 0x80 && (bytes[1] ?? 0) <= 0x84],
]

/** What a text is, by words that only this format has. The first that fits. */
const TEXT: readonly (readonly [Kind, RegExp])[] = [
  ['sealed', /^\s*-----BEGIN AGE ENCRYPTED FILE-----/],
  ['signed', /^\s*-----BEGIN (?:PKCS7|CMS)-----/],
  ['pem', /^(?:[^<{[]*\n)?-----BEGIN [A-Z0-9 ]+-----/],
  ['onc', /^\s*\{[\s\S]*"(?:NetworkConfigurations|GlobalNetworkConfiguration|EncryptedConfiguration)"\s*:/],
  ['sswan', /^\s*\{[\s\S]*"type"\s*:\s*"ikev2-/],
  ['sswan', /^\s*\{(?=[\s\S]*"remote"\s*:\s*\{)(?=[\s\S]*"uuid"\s*:)/],
  ['culvert', /^\s*[[{]\s*(?:["{}\]]|$)/],
  ['plist', /<plist[\s>]/],
  ['forticlient', /<forticlient_configuration[\s>]/],
  ['profile-xml', /<VPNProfile[\s>]/],
  ['powershell', /\b(?:Add|Set)-VpnConnection/i],
  ['network-manager', /^\[(?:connection|vpn)\]\s*$/m],
  ['pcf', /^[ \t]*\[main\][\s\S]*^!?(?:Host|GroupName)\s*=/im],
  ['rasphone', /^\[[^\]\n]+\]\s*\n(?:[^[]*\n)?(?:VpnStrategy|MEDIA|PBVersion|PhoneNumber)=/m],
  ['shrew', /^\s*[snb]:[a-z0-9-]+:/],
  ['swanctl', /^[ \t]*(?:connections|secrets|authorities|pools)\s*\{/m],
  ['ipsec-conf', /^(?:conn|ca)\s+\S+|^config\s+setup/m],
  ['ipsec-secrets', /^[^#\n]*:\s*(?:PSK|RSA|ECDSA|BLISS|EAP|XAUTH|NTLM|PIN|P12|PKCS8)\b/m],
  ['vpnc', /^(?:IPSec (?:gateway|ID|secret|obfuscated secret)|Xauth (?:username|password))\s/im],
]

/** Ours: a format shows itself within this many characters. */
const LOOK_AT = 65_536

/** What a file is, found from its content and never from its name; `undefined` for none we know. */
export function kindOf(bytes: Uint8Array, file: string): Kind | undefined {
  const binary = BINARY.find(([, fits]) => fits(bytes))
  if (binary !== undefined) return binary[0]
  const text = decodeText(bytes.subarray(0, LOOK_AT), file)
  return TEXT.find(([, fits]) => fits.test(text))?.[0]
}

const latin1 = (bytes: Uint8Array, length: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(length, bytes.length)).toString('latin1')

const starts = (bytes: Uint8Array, text: string): boolean => latin1(bytes, text.length) === text
