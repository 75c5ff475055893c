import type { SignIn } from './description.ts'
import type { XmlElement } from './syntax/xml.ts'

/** Numbers of EAP methods. RFC 3748 §6.2 and the registry it made. */
export const EAP_METHODS: Readonly<Record<number, SignIn>> = {
  ...{ 4: 'eap-md5', 6: 'eap-gtc', 13: 'eap-tls', 18: 'eap-sim', 21: 'eap-ttls' },
  ...{ 23: 'eap-aka', 25: 'eap-peap', 26: 'eap-mschapv2', 50: 'eap-aka' },
}

/** The method of an `EapHostConfig`; plain EAP where it says none we know. */
export function eapMethodOf(element: XmlElement): SignIn {
  const types: number[] = []
  const visit = (one: XmlElement): void => {
    if (one.name === 'Type') types.push(Number(one.text.trim()))
    for (const child of one.children) visit(child)
  }
  visit(element)
  // The outermost comes first; what stands inside PEAP is its inner method.
  const [outer, inner] = new Set(types.flatMap((type) => EAP_METHODS[type] ?? []))
  return outer === 'eap-peap' && inner === 'eap-tls' ? 'eap-peap-tls' : (outer ?? 'eap')
}

/** Names the gateway's certificate may have, as `ServerNames` lists them. */
export function serverNamesOf(element: XmlElement): readonly string[] {
  if (element.name === 'ServerNames')
    return element.text
      .split(';')
      .map((name) => name.trim())
      .filter((name) => name !== '')
  return element.children.flatMap(serverNamesOf)
}
