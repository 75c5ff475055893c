import type { Profile } from '../schema.ts'
import { type Exported, Losses, uuidOf } from './exported.ts'
import { espSuites, remoteNetworks, strongswanIdentity } from './strongswan-words.ts'

/** Ages the plug-in always uses. */
const PLUGIN = { ikeSeconds: 36_000, childSeconds: 10_800 } as const

/** A keyfile for NetworkManager with strongSwan's plug-in, without the key: the desktop asks for it. */
export function toNetworkManager(profile: Profile): Exported {
  const losses = new Losses()
  const { auth, dns, ike, esp, requestAddresses } = profile
  losses.unless(ike.rekeySeconds === PLUGIN.ikeSeconds, 'ike.rekeySeconds', 'the plug-in uses 10 hours')
  losses.unless(esp.rekeySeconds === PLUGIN.childSeconds, 'esp.rekeySeconds', 'the plug-in uses 3 hours')
  losses.unless(ike.dpdSeconds === 0, 'ike.dpdSeconds', 'the plug-in has its own')
  losses.unless(ike.fragmentation, 'ike.fragmentation', 'the plug-in always allows it')
  losses.unless(profile.child === undefined, 'child', 'the plug-in knows ESP in tunnel mode only')
  losses.unless(profile.mtu === undefined, 'mtu', 'the plug-in does not set it')
  losses.unless(ike.version !== 1, 'ike.version', 'the plug-in knows IKEv2 only')
  losses.unless(profile.xauth === undefined, 'xauth', 'the plug-in knows IKEv2 only')
  losses.unless(
    profile.killSwitch !== true,
    'killSwitch',
    'NetworkManager has none: traffic goes out as usual while the tunnel is gone',
  )
  losses.unless(profile.allowLan, 'allowLan', 'NetworkManager leaves the local network alone')
  const virtual = requestAddresses.ipv4 || requestAddresses.ipv6
  losses.unless(
    requestAddresses.ipv4 === requestAddresses.ipv6,
    'requestAddresses',
    'the plug-in asks for both families or for none',
  )
  const vpn: Record<string, string | undefined> = {
    address: profile.gateway.host,
    encap: profile.forceEncapsulation ? 'yes' : 'no',
    esp: espSuites(profile, losses).join(';'),
    ike: ike.proposals.join(';'),
    'local-identity': profile.localId === undefined ? undefined : strongswanIdentity(profile.localId),
    'local-ts': listOrNothing(profile.localSubnets),
    method: auth.method === 'eap' ? 'eap' : 'psk',
    user: auth.method === 'eap' ? auth.user : undefined,
    'password-flags': '1',
    proposal: 'yes',
    'remote-identity': profile.remoteId === undefined ? undefined : strongswanIdentity(profile.remoteId),
    'remote-ts': listOrNothing(remoteNetworks(profile)),
    virtual: virtual ? 'yes' : 'no',
    'service-type': 'org.freedesktop.NetworkManager.strongswan',
  }
  const family = (digit: 4 | 6): Record<string, string | undefined> => ({
    dns: withEnd(dns.servers.filter((address) => address.includes(':') === (digit === 6))),
    'dns-search': digit === 4 ? withEnd(dns.search) : undefined,
    'ignore-auto-dns': dns.fromGateway ? undefined : 'true',
    method: 'auto',
    'never-default': profile.remoteSubnets === undefined ? undefined : 'true',
  })
  const text = [
    section('connection', { id: profile.name, uuid: uuidOf(profile.id), type: 'vpn', autoconnect: 'false' }),
    section('vpn', vpn),
    section('ipv4', family(4)),
    section('ipv6', family(6)),
  ].join('\n')
  return { text, fileName: `${profile.id}.nmconnection`, losses: losses.sentences }
}

const listOrNothing = (values: readonly string[]): string | undefined =>
  values.length === 0 ? undefined : values.join(';')

const withEnd = (values: readonly string[]): string | undefined =>
  values.length === 0 ? undefined : `${values.join(';')};`

function section(name: string, entries: Readonly<Record<string, string | undefined>>): string {
  const lines = Object.entries(entries).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${escaped(value)}`],
  )
  return `[${name}]\n${lines.join('\n')}\n`
}

/** Escapes of GKeyFile. */
const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replace(/^ /, '\\s').replaceAll('\n', '\\n')
