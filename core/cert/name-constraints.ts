import type { Certificate } from './certificate.ts'
import type { NameConstraints } from './extensions.ts'
import { formatGeneralName, type GeneralName } from './general-name.ts'
import { nameBegins } from './name.ts'
import { NameAttribute } from './oids.ts'

/** Why a certificate may not stand below an authority with these constraints; undefined when it may. RFC 5280 §4.2.1.10 */
export function constraintProblem(
  { permitted, excluded }: NameConstraints,
  certificate: Certificate,
): string | undefined {
  for (const name of namesBound(certificate)) {
    const same = (base: GeneralName): boolean =>
      base.kind === name.kind && (base.kind !== 'other' || (name.kind === 'other' && base.tag === name.tag))
    // What cannot be compared cannot be shown to be allowed.
    if ((name.kind === 'other' || name.kind === 'uri') && [...permitted, ...excluded].some(same)) {
      return `${formatGeneralName(name)} is constrained in a way Culvert cannot check`
    }
    if (excluded.some((base) => within(name, base))) return `${formatGeneralName(name)} is excluded`
    const allowed = permitted.filter(same)
    if (allowed.length > 0 && !allowed.some((base) => within(name, base))) {
      return `${formatGeneralName(name)} is outside of what is permitted`
    }
  }
  return undefined
}

const LOOKS_LIKE_HOST = /^[a-z0-9*_-]+(\.[a-z0-9_-]+)+$/i

/** Every name that constraints bind: the subject, the alternative names, and the mail addresses and hosts that some read out of a subject without alternatives. */
function namesBound({ subject, extensions }: Certificate): readonly GeneralName[] {
  const alternatives = extensions.subjectAltName
  const own: GeneralName[] = subject.rdns.length === 0 ? [] : [{ kind: 'dn', name: subject }]
  const fromSubject = (oid: string, kind: 'email' | 'dns'): GeneralName[] =>
    alternatives.some((name) => name.kind === kind)
      ? []
      : subject.rdns
          .flat()
          .filter((value) => value.oid === oid)
          .map(({ text }) => ({ kind, text: text ?? '' }))
          .filter(({ text }) => kind === 'email' || LOOKS_LIKE_HOST.test(text))
  return [
    ...own,
    ...alternatives,
    ...fromSubject(NameAttribute.E.oid, 'email'),
    ...fromSubject(NameAttribute.CN.oid, 'dns'),
  ]
}

/** `name` lies in the subtree of `base`. Host and mail names know no case. */
function within(name: GeneralName, base: GeneralName): boolean {
  if (name.kind === 'dn' && base.kind === 'dn') return nameBegins(name.name, base.name)
  if (name.kind === 'ip' && base.kind === 'ip') return addressWithin(name.octets, base.octets)
  if (name.kind === 'dns' && base.kind === 'dns') return hostWithin(name.text, base.text)
  if (name.kind === 'email' && base.kind === 'email') return mailWithin(name.text, base.text)
  return false
}

const lower = (text: string): string => text.toLowerCase().replace(/\.$/, '')

/** `example.org` covers itself and everything below; an empty base covers all. Some write a dot in front. */
function hostWithin(host: string, base: string): boolean {
  const [name, tree] = [lower(host), lower(base).replace(/^\./, '')]
  return tree === '' || name === tree || name.endsWith(`.${tree}`)
}

/** A mailbox, a host, or with a dot in front everything below a host. */
function mailWithin(mail: string, base: string): boolean {
  const [name, tree] = [lower(mail), lower(base)]
  if (tree.includes('@')) return name === tree
  const host = name.slice(name.lastIndexOf('@') + 1)
  return tree.startsWith('.') ? host.endsWith(tree) : tree === '' || host === tree
}

/** `base` is address ‖ mask. */
function addressWithin(address: Uint8Array, base: Uint8Array): boolean {
  const size = address.length
  if (base.length !== 2 * size) return false
  return address.every((octet, at) => ((octet ^ base[at]!) & base[size + at]!) === 0)
}
