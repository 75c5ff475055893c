import { gatewayAuthOf, type Profile, sessionSecrets } from '../schema.ts'
import { slug } from '../store.ts'
import { type Exported, Losses } from './exported.ts'
import { espSuites, remoteNetworks, strongswanIdentity } from './strongswan-words.ts'

/** `swanctl.conf`, without the key: it goes into the `secrets` section by hand. */
export function toSwanctl(profile: Profile): Exported {
  const losses = new Losses()
  const name = /^[\w-]+$/.test(profile.name) ? profile.name : slug(profile.name)
  losses.unless(name === profile.name, 'name', `the connection is called ${name}`)
  const { dns, ike, esp, requestAddresses, xauth } = profile
  losses.unless(dns.servers.length === 0, 'dns.servers', 'swanctl.conf has no name servers of its own')
  losses.unless(dns.search.length === 0, 'dns.search', 'swanctl.conf has no search domains')
  losses.unless(dns.fromGateway, 'dns.fromGateway', 'strongSwan takes the name servers it is given')
  losses.unless(profile.mtu === undefined, 'mtu', 'strongSwan does not set it for a connection')
  losses.unless(profile.allowLan, 'allowLan', 'strongSwan leaves the local network alone')
  const vips = [...(requestAddresses.ipv4 ? ['0.0.0.0'] : []), ...(requestAddresses.ipv6 ? ['::'] : [])]
  const child = [
    pair('esp_proposals', espSuites(profile, losses)),
    pair('local_ts', profile.localSubnets),
    pair('remote_ts', remoteNetworks(profile)),
    pair('rekey_time', [`${esp.rekeySeconds}s`]),
  ]
  const [auth, gatewayAuth] = [profile.auth.method, gatewayAuthOf(profile)]
  const own = auth === 'certificate' ? [`certs = ${name}.pem`] : []
  if (auth === 'certificate')
    losses.add('auth.certificate', `write it into x509/${name}.pem, its key into private/`)
  const authorities = gatewayAuth.method === 'certificate' ? [`cacerts = ${name}-ca.pem`] : []
  if (gatewayAuth.method === 'certificate') {
    losses.add('gatewayAuth.ca', `write the authorities of the gateway into x509ca/${name}-ca.pem`)
  }
  const local = profile.localId === undefined ? [] : [identity(profile.localId)]
  const remote = profile.remoteId === undefined ? [] : [identity(profile.remoteId)]
  const connection = [
    // 0 is either, IKEv2 first.
    pair('version', [ike.version === 'auto' ? '0' : String(ike.version)]),
    pair('aggressive', ike.aggressive === true ? ['yes'] : []),
    pair('remote_addrs', [profile.gateway.host]),
    pair('proposals', ike.proposals),
    pair('vips', vips),
    pair('encap', [profile.forceEncapsulation ? 'yes' : 'no']),
    pair('fragmentation', [ike.fragmentation ? 'yes' : 'no']),
    pair('rekey_time', [`${ike.rekeySeconds}s`]),
    pair('dpd_delay', [`${ike.dpdSeconds}s`]),
    ...(auth === 'xauth' ? [] : [section('local', [`auth = ${word(auth)}`, ...local, ...own])]),
    ...(xauth === undefined
      ? []
      : [section('local-xauth', ['auth = xauth', `xauth_id = ${quoted(xauth.user)}`])]),
    section('remote', [`auth = ${word(gatewayAuth.method)}`, ...remote, ...authorities]),
    section('children', [section('net', child)]),
  ]
  const secret = section(`ike-${name}`, [...local, 'secret = THE-PRE-SHARED-KEY'])
  const parts = [section('connections', [section(name, connection)])]
  if (sessionSecrets(profile).includes('psk')) parts.push(section('secrets', [secret]).replace(/^/gm, '# '))
  return { text: `${parts.join('\n')}\n`, fileName: `${profile.id}.conf`, losses: losses.sentences }
}

/** The caller has no EAP. */
const word = (method: 'psk' | 'certificate' | 'eap'): string => (method === 'psk' ? 'psk' : 'pubkey')

/** Empty for an empty list. */
const pair = (key: string, values: readonly string[]): string =>
  values.length === 0 ? '' : `${key} = ${values.join(', ')}`

const identity = (id: string): string => `id = ${quoted(strongswanIdentity(id))}`

const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

const section = (name: string, lines: readonly string[]): string =>
  [`${name} {`, ...lines.filter((line) => line !== '').map((line) => line.replace(/^/gm, '  ')), '}'].join(
    '\n',
  )
