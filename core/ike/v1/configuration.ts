import { addressBytes, addressText } from '../../bytes/address.ts'
import { NO_OCTETS, utf8 } from '../../bytes/octets.ts'
import { ConfigurationAttribute as A, IdType } from '../../iana/ikev1.ts'
import { attributeBytes } from '../../wire/ikev1/attribute.ts'
import type { Attribute, IdPayload } from '../../wire/ikev1/payload.ts'
import type { TrafficSelector } from '../../wire/ikev2/traffic-selector.ts'
import type { Assigned, Identity } from '../config.ts'
import type { AssignedConfiguration } from '../session.ts'
import type { Negotiation } from './negotiation.ts'
import { networkText, readUnity, unityReply, unityRequest } from './unity.ts'

/** Ours. */
const MOST_SERVERS = 8
const MOST_GATEWAYS = 10

/** Attributes of the wanted families: empty, or with the address we have had (CIDR). draft-dukes-ike-mode-cfg §3.3 */
export function configurationRequest(
  want: { readonly ipv4: boolean; readonly ipv6: boolean },
  had: readonly string[] = [],
  unity = false,
): Attribute[] {
  const octets = had.map((cidr) => addressBytes(cidr.split('/')[0]!))
  const address = (type: number, length: number): Attribute => ({
    type,
    bytes: octets.find((bytes) => bytes.length === length) ?? NO_OCTETS,
  })
  const empty = (type: number): Attribute => ({ type, bytes: NO_OCTETS })
  return [
    ...(want.ipv4
      ? [
          address(A.INTERNAL_IP4_ADDRESS.id, 4),
          empty(A.INTERNAL_IP4_NETMASK.id),
          empty(A.INTERNAL_IP4_DNS.id),
        ]
      : []),
    ...(want.ipv6 ? [address(A.INTERNAL_IP6_ADDRESS.id, 16), empty(A.INTERNAL_IP6_DNS.id)] : []),
    ...(unity ? unityRequest() : []),
  ]
}

/** What of `assigns` was asked for. */
export function configurationReply(
  asked: readonly Attribute[],
  assigns: Assigned,
  behind: readonly TrafficSelector[] = [],
): Attribute[] {
  const give = (addresses: readonly string[], type4: number, type6: number): Attribute[] =>
    addresses.flatMap((cidr) => {
      const bytes = addressBytes(cidr.split('/')[0]!)
      const type = bytes.length === 4 ? type4 : type6
      return asked.some((a) => a.type === type) ? [{ type, bytes }] : []
    })
  return [
    ...give(assigns.addresses, A.INTERNAL_IP4_ADDRESS.id, A.INTERNAL_IP6_ADDRESS.id),
    ...give(assigns.dnsServers, A.INTERNAL_IP4_DNS.id, A.INTERNAL_IP6_DNS.id),
    ...unityReply(asked, behind, assigns.domain),
  ]
}

/** What the gateway gives us; attributes of a wrong length and unknown ones are passed over. draft-dukes-ike-mode-cfg §3.4 */
export function readConfiguration(attributes: readonly Attribute[]): AssignedConfiguration {
  const addresses: string[] = []
  const dnsServers: string[] = []
  for (const attribute of attributes) {
    const bytes = attributeBytes(attribute)
    switch (attribute.type) {
      case A.INTERNAL_IP4_ADDRESS.id:
        if (bytes.length === 4) addresses.push(`${addressText(bytes)}/32`)
        break
      case A.INTERNAL_IP6_ADDRESS.id:
        // Some gateways add a prefix length, as IKEv2 has it.
        if (bytes.length === 16 || bytes.length === 17)
          addresses.push(`${addressText(bytes.subarray(0, 16))}/128`)
        break
      case A.INTERNAL_IP4_DNS.id:
        if (bytes.length === 4) dnsServers.push(addressText(bytes))
        break
      case A.INTERNAL_IP6_DNS.id:
        if (bytes.length === 16) dnsServers.push(addressText(bytes))
        break
    }
  }
  const { include, splitDns, domain, backupServers } = readUnity(attributes)
  return {
    addresses,
    dnsServers: dnsServers.slice(0, MOST_SERVERS),
    subnets: include.map(networkText),
    dnsDomains: splitDns,
    ...(domain === undefined ? {} : { searchDomains: [domain] }),
    ...(backupServers.length === 0 ? {} : { otherGateways: backupServers.slice(0, MOST_GATEWAYS) }),
  }
}

/** Many may share a group's identity and key: who signed in with a name is known by that. */
const clientOf = ({ idType, data }: IdPayload, name: string | undefined): Identity =>
  name === undefined ? { type: idType, data } : { type: nameType(name), data: utf8(name) }

const nameType = (name: string): number => (name.includes('@') ? IdType.ID_USER_FQDN.id : IdType.ID_KEY_ID.id)

/** What we, as a gateway, hand to the client on the other side: asked for once, when the client is proven. */
export function assignedTo(n: Negotiation): Assigned | undefined {
  const { assigns } = n.config
  if (typeof assigns !== 'function') return assigns
  if (n.remoteId === undefined) return undefined
  n.assigned ??= assigns({
    identity: clientOf(n.remoteId, n.signedInAs),
    initialContact: n.facts.initialContact,
  })
  return n.assigned
}
