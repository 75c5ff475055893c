import { Secret } from '../../bytes/secret.ts'
import type { Bundle, ImportFile } from './bundle.ts'
import type { Draft, Field } from './description.ts'

export interface PemBlock {
  /** What stands behind BEGIN. */
  readonly label: string
  readonly octets: Uint8Array
}

/** Every block of a PEM file; damaged ones are left out. */
export function pemBlocks(bytes: Uint8Array): readonly PemBlock[] {
  const text = Buffer.from(bytes).toString('latin1')
  const pattern = /-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----/g
  return [...text.matchAll(pattern)].map(([, label = '', body = '']) => {
    // Headers of the old encrypted keys end at an empty line.
    const packed = body.includes(':') ? body.replace(/^[\s\S]*?\r?\n\r?\n/, '') : body
    return { label, octets: new Uint8Array(Buffer.from(packed, 'base64')) }
  })
}

/** The certificates of a PEM or DER file, DER each. */
export function certificatesIn(file: ImportFile): readonly Uint8Array[] {
  if (file.bytes[0] === 0x30) return [file.bytes]
  return pemBlocks(file.bytes)
    .filter(({ label }) => /^(?:TRUSTED |X509 )?CERTIFICATE$/.test(label))
    .map(({ octets }) => octets)
}

const NOT_THERE = 'the file it names did not come along; give it together with this one'

/** Fills a slot with the certificates of a file that this one names. */
export function takeCertificate(
  draft: Draft,
  bundle: Bundle,
  slot: 'ownCertificates' | 'caCertificates' | 'gatewayCertificates',
  named: string,
  field: Field,
  folders: readonly string[],
): void {
  const file = bundle.find(named, draft.file, folders)
  const found = file === undefined ? [] : certificatesIn(file)
  if (found.length === 0) {
    draft.mark(
      field,
      'refused',
      file === undefined ? NOT_THERE : 'there is no certificate in the file it names',
    )
    draft.say(slot, draft.value(slot) ?? [], ...(draft.said(slot)?.fields ?? []))
    return
  }
  draft.add(slot, found, field)
}

/** Hides the private key of a file that this one names. */
export function takeKeyFile(
  draft: Draft,
  bundle: Bundle,
  named: string,
  field: Field,
  folders: readonly string[],
): void {
  const file = bundle.find(named, draft.file, folders)
  if (file === undefined) draft.mark(field, 'refused', NOT_THERE)
  else draft.hide('key', new Secret(file.bytes.slice()), field)
}
