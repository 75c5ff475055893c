import { hasAh, isHostToHost } from '../child.ts'
import { gatewayAuthOf, type Profile, sessionSecrets } from '../schema.ts'
import { slug } from '../store.ts'
import { type Exported, Losses } from './exported.ts'
import { espSuites, remoteNetworks, strongswanIdentity } from './strongswan-words.ts'

/** `swanctl.conf`, without the key: it goes into the `secrets` section by hand. */
export function toSwanctl(profile: Profile): Exported {
  const losses = new Losses()
  const name = /^[\w-]+$/.test(profile.name) ? profile.name : slug(profile.name)
  losses.unless(name === profile.name, 'name', `the connection is called ${name}`)
  const { dns, ike, esp, requestAddresses } = profile
  losses.unless(dns.servers.length === 0, 'dns.servers', 'swanctl.conf has no name servers of its own')
  losses.unless(dns.search.length === 0, 'dns.search', 'swanctl.conf has no search domains')
  losses.unless(dns.fromGateway, 'dns.fromGateway', 'strongSwan takes the name servers it is given')
  losses.unless(profile.mtu === undefined, 'mtu', 'strongSwan does not set it for a connection')
  losses.unless(
    profile.killSwitch !== true,
    'killSwitch',
    'strongSwan has none: traffic goes out as usual while the tunnel is gone',
  )
  losses.unless(profile.allowLan, 'allowLan', 'strongSwan leaves the local network alone')
  const vips = [...(requestAddresses.ipv4 ? ['0.0.0.0'] : []), ...(requestAddresses.ipv6 ? ['::'] : [])]
  const alone = isHostToHost(profile)
  const protocol = profile.child?.protocol ?? 'esp'
  losses.unless(
    protocol !== 'ah+esp',
    'child.protocol',
    'strongSwan has no AH and ESP for one packet: AH alone',
  )
  losses.unless(
    profile.child?.mode !== 'transportOrTunnel',
    'child.mode',
    'strongSwan asks for transport mode and takes a tunnel where the gateway wants that',
  )
  const child = [
    protocol === 'esp'
      ? pair('esp_proposals', espSuites(profile, losses))
      : pair('ah_proposals', profile.child?.ahProposals ?? []),
    pair('mode', alone ? ['transport'] : []),
    pair('local_ts', profile.localSubnets),
    pair('remote_ts', alone ? [] : remoteNetworks(profile)),
    pair('rekey_time', [`${esp.rekeySeconds}s`]),
  ]
  const { auth, secondAuth, xauth } = profile
  const gatewayAuth = gatewayAuthOf(profile)
  const wanted = sessionSecrets(profile)
  const own = wanted.includes('key') ? [`certs = ${name}.pem`] : []
  if (wanted.includes('key'))
    losses.add('auth.certificate', `write it into x509/${name}.pem, its key into private/`)
  const authorities =
    gatewayAuth.method === 'certificate'
      ? [`cacerts = ${name}-ca.pem`, ...(gatewayAuth.revocation === 'strict' ? ['revocation = strict'] : [])]
      : []
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
    pair('vips', alone ? [] : vips),
    pair('encap', [profile.forceEncapsulation && !hasAh(profile) ? 'yes' : 'no']),
    pair('fragmentation', [ike.fragmentation ? 'yes' : 'no']),
    pair('rekey_time', [`${ike.rekeySeconds}s`]),
    pair('dpd_delay', [`${ike.dpdSeconds}s`]),
    // Before XAuth nobody is asked in hybrid authentication.
    ...(auth.method === 'xauth'
      ? []
      : [section('local', [`auth = ${word(auth)}`, ...local, ...own, ...eapLines(auth, losses)])]),
    ...(secondAuth === undefined
      ? []
      : [section('local-then', [`auth = ${word(secondAuth)}`, ...eapLines(secondAuth, losses)])]),
    ...(xauth === undefined
      ? []
      : [section('local-xauth', ['auth = xauth', `xauth_id = ${quoted(xauth.user)}`])]),
    section('remote', [`auth = ${word(gatewayAuth)}`, ...remote, ...authorities]),
    section('children', [section('net', child)]),
  ]
  const parts = [section('connections', [section(name, connection)])]
  const user = xauth?.user ?? (secondAuth ?? (auth.method === 'eap' ? auth : undefined))?.user
  const userId = user === undefined ? local : [`id = ${quoted(user)}`]
  const secrets = [
    ...(wanted.includes('psk') ? [section(`ike-${name}`, [...local, 'secret = THE-PRE-SHARED-KEY'])] : []),
    ...(wanted.includes('password')
      ? [section(`${xauth === undefined ? 'eap' : 'xauth'}-${name}`, [...userId, 'secret = THE-PASSWORD'])]
      : []),
  ]
  if (secrets.length > 0) parts.push(section('secrets', secrets).replace(/^/gm, '# '))
  return { text: `${parts.join('\n')}\n`, fileName: `${profile.id}.conf`, losses: losses.sentences }
}

function word(proof: Profile['auth'] | ReturnType<typeof gatewayAuthOf>): string {
  if (proof.method === 'psk') return 'psk'
  if (proof.method === 'certificate') return 'pubkey'
  const methods = 'methods' in proof ? proof.methods : []
  return methods.length === 1 ? `eap-${methods[0]}` : 'eap'
}

/** Who signs in by EAP, and whom the server of TLS has to be. */
function eapLines(auth: Profile['auth'], losses: Losses): readonly string[] {
  if (auth.method !== 'eap') return []
  const { methods, user, anonymousIdentity, server, inner, ttls } = auth
  losses.unless(
    methods.length < 2,
    'auth.methods',
    'strongSwan takes the method of the gateway, whichever it is',
  )
  losses.unless(anonymousIdentity === undefined, 'auth.anonymousIdentity', 'strongSwan has none')
  const tunnelled = methods.includes('peap') || methods.includes('ttls')
  losses.unless(
    !tunnelled || (inner.length === 1 && ttls === 'eap'),
    'auth.inner',
    'strongSwan takes the method of the server inside TLS',
  )
  return [
    ...(user === undefined ? [] : [`eap_id = ${quoted(user)}`]),
    ...(server?.id === undefined ? [] : [`aaa_id = ${quoted(strongswanIdentity(server.id))}`]),
  ]
}

/** Empty for an empty list. */
const pair = (key: string, values: readonly string[]): string =>
  values.length === 0 ? '' : `${key} = ${values.join(', ')}`

const identity = (id: string): string => `id = ${quoted(strongswanIdentity(id))}`

const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

const section = (name: string, lines: readonly string[]): string =>
  [`${name} {`, ...lines.filter((line) => line !== '').map((line) => line.replace(/^/gm, '  ')), '}'].join(
    '\n',
  )
