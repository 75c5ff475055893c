import { Secret } from '../../bytes/secret.ts'
import { splitPem } from '../../cert/pem.ts'
import type { Bundle } from './bundle.ts'
import type { Draft, Field } from './description.ts'

/** The certificates of a PEM or DER file, DER each; read and judged where they are used. */
export function certificatesIn(bytes: Uint8Array): readonly Uint8Array[] {
  if (bytes[0] === 0x30) return [bytes]
  return splitPem(Buffer.from(bytes).toString('latin1'))
    .filter(({ label }) => /^(?:TRUSTED |X509 )?CERTIFICATE$/.test(label))
    .map(({ der }) => der)
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
  const found = file === undefined ? [] : certificatesIn(file.bytes)
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
