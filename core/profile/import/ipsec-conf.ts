import type { Bundle, ImportContext, ImportFile } from './bundle.ts'
import { takeCertificate } from './companions.ts'
import { Draft, type GatewayProof, type SignIn } from './description.ts'
import { takeIpsecSecrets } from './ipsec-secrets.ts'
import {
  fills,
  ignores,
  integer,
  joins,
  type Key,
  type KeyTable,
  listOf,
  means,
  oneOf,
  readAt,
  refuses,
  takeKeys,
  text,
  Unreadable,
} from './keys.ts'
import { libreswanSuites } from './libreswan-suites.ts'
import { duration, identityWords, trafficSelectors, virtualAddresses, yes } from './strongswan-values.ts'
import { eapMethod } from './swanctl.ts'
import { type Conn, parseIpsecConf } from './syntax/ipsec-conf.ts'
import { decodeText } from './text.ts'

const IKEV1 = 'it is a part of IKEv1'
const EDGE = 'Culvert makes its own device and routes'
const TIMING = 'Culvert renews keys a little before their time by itself'
const RETRY = 'Culvert connects again by itself'

/** Keys of one end. Which end is ours is decided first, and the names say so: `our…` and `their…`. */
const ENDS: KeyTable = {
  our: ignores('Culvert lets the system choose'),
  their: means(['host', 'otherHosts'], (draft, { value, path }) => {
    const [first, ...others] = text(value)
      .split(/[\s,]+/)
      .filter((address) => !address.startsWith('%') && !address.includes('/') && address !== '0.0.0.0')
    if (first === undefined) draft.refuse('it waits for a gateway instead of naming one')
    else draft.say('host', first, path)
    if (others.length > 0) draft.say('otherHosts', others, path)
  }),
  ourid: means(['localId'], sayId('localId')),
  theirid: means(['remoteId'], sayId('remoteId')),
  ourauth: joins('auth'),
  ourauth2: joins('auth'),
  theirauth: joins('gatewayAuth'),
  theirauth2: joins('gatewayAuth'),
  ourcert: joins('ownCertificates'),
  ourcert2: joins('ownCertificates'),
  theircert: joins('gatewayCertificates'),
  theirca: ignores('the authorities that came along are what counts'),
  ourca: ignores('the authorities that came along are what counts'),
  oursendcert: ignores('Culvert sends its certificate whenever it signs in with one'),
  theirsendcert: ignores('it is for gateways'),
  oursourceip: means(['requestAddresses'], (draft, { value, path }) => {
    const { ipv4, ipv6, named } = virtualAddresses(text(value))
    draft.say('requestAddresses', { ipv4, ipv6 }, path)
    if (named.length > 0)
      draft.mark(path, 'changed', `the gateway chooses the address, not ${named.join(', ')}`)
  }),
  theirsourceip: ignores('it is for gateways'),
  oursubnet: means(['localSubnets', 'selectorPorts'], sayTs('localSubnets')),
  oursubnets: means(['localSubnets', 'selectorPorts'], sayTs('localSubnets')),
  theirsubnet: means(['remoteSubnets', 'selectorPorts'], sayTs('remoteSubnets')),
  theirsubnets: means(['remoteSubnets', 'selectorPorts'], sayTs('remoteSubnets')),
  ourprotoport: means(['selectorPorts'], (draft, key) =>
    draft.add('selectorPorts', [text(key.value)], key.path),
  ),
  theirprotoport: means(['selectorPorts'], (draft, key) =>
    draft.add('selectorPorts', [text(key.value)], key.path),
  ),
  ourfirewall: refuses('nothing that a file names is ever run'),
  theirfirewall: ignores('it is for gateways'),
  ourupdown: refuses('nothing that a file names is ever run'),
  theirupdown: ignores('it is for gateways'),
  ournexthop: ignores(EDGE),
  theirnexthop: ignores(EDGE),
  ourxauthclient: joins('auth'),
  theirxauthserver: joins('auth'),
  ourxauthusername: fills('user', text),
  ourusername: fills('user', text),
  ourmodecfgclient: means(['requestAddresses'], (draft, { value, path }) => {
    if (yes(value)) draft.say('requestAddresses', { ipv4: true, ipv6: true }, path)
  }),
  theirmodecfgserver: ignores('it is for gateways'),
  ourautheap: joins('auth'),
  theirautheap: joins('gatewayAuth'),
  ourrsasigkey: joins('auth'),
  theirrsasigkey: joins('gatewayAuth'),
  ourikeport: ignores('Culvert lets the system choose'),
  theirikeport: fills('port', integer(1, 65_535)),
  ourdns: means(['dnsFromGateway'], (draft, { path }) => draft.mark(path, 'kept')),
  ourhostaccess: ignores(EDGE),
  ouraddresspool: ignores('it is for gateways'),
  theiraddresspool: ignores('it is for gateways'),
}

/** Every key of a `conn`, in both dialects. */
export const IPSEC_CONF: KeyTable = {
  ...ENDS,
  keyexchange: fills('version', oneOf({ ike: 'auto', ikev1: 1, ikev2: 2 } as const)),
  ikev2: fills('version', oneOf({ insist: 2, yes: 2, propose: 2, permit: 1, no: 1, never: 1 } as const)),
  authby: joins('auth'),
  auto: means(['openedByTraffic'], (draft, { value, path }) => {
    if (/^(?:route|ondemand)$/.test(text(value))) draft.say('openedByTraffic', true, path)
    else draft.mark(path, 'ignored', 'connect it yourself')
  }),
  type: fills('mode', (value) => {
    const word = text(value)
    if (word === 'transport' || word === 'tunnel') return word
    throw new Unreadable('tunnel or transport is expected')
  }),
  ike: means(['ikeProposals'], (draft, { value, path }) =>
    draft.say('ikeProposals', libreswanSuites(text(value)), path),
  ),
  ...Object.fromEntries(
    ['esp', 'phase2alg'].map((key) => [
      key,
      means(['espProposals'], (draft, { value, path }) =>
        draft.say('espProposals', libreswanSuites(text(value)), path),
      ),
    ]),
  ),
  ah: fills('ahProposals', listOf(text, /[\s,]+/)),
  phase2: means(['ahProposals'], (draft, { value, path }) => {
    if (text(value) === 'ah') draft.say('ahProposals', ['default'], path)
  }),
  pfs: fills('pfs', yes),
  aggressive: fills('aggressive', yes),
  aggrmode: fills('aggressive', yes),
  ikelifetime: fills('ikeRekeySeconds', duration),
  ...Object.fromEntries(
    ['lifetime', 'keylife', 'salifetime', 'ipsec-lifetime'].map((key) => [
      key,
      fills('childRekeySeconds', duration),
    ]),
  ),
  lifebytes: refuses('keys are renewed by their age, not by their use'),
  lifepackets: refuses('keys are renewed by their age, not by their use'),
  ...Object.fromEntries(
    ['margintime', 'rekeymargin', 'rekeyfuzz', 'marginbytes', 'marginpackets'].map((key) => [
      key,
      ignores(TIMING),
    ]),
  ),
  ...Object.fromEntries(
    ['keyingtries', 'closeaction', 'dpdaction', 'retransmit-timeout', 'retransmit-interval'].map((key) => [
      key,
      ignores(RETRY),
    ]),
  ),
  rekey: ignores('Culvert always renews keys'),
  reauth: means(['reauthSeconds'], (draft, { value, path }) => {
    if (yes(value)) draft.mark(path, 'ignored', 'keys are renewed without signing in again')
  }),
  dpddelay: fills('dpdSeconds', duration),
  dpdtimeout: ignores(IKEV1),
  forceencaps: fills('forceEncapsulation', yes),
  encapsulation: means(['forceEncapsulation'], (draft, { value, path }) => {
    if (text(value) === 'auto') draft.mark(path, 'kept')
    else draft.say('forceEncapsulation', yes(value), path)
  }),
  'nat-keepalive': ignores('Culvert sends one every 20 seconds'),
  nat_keepalive: ignores('Culvert sends one every 20 seconds'),
  fragmentation: fills('fragmentation', yes),
  mobike: fills('mobike', yes),
  narrowing: ignores('Culvert always lets the gateway narrow'),
  compress: fills('ipcomp', yes),
  'sha2-truncbug': fills('sha256Truncated', yes),
  sha2_truncbug: fills('sha256Truncated', yes),
  sha256_96: fills('sha256Truncated', yes),
  'replay-window': fills('replayWindow', integer(0, 1_000_000)),
  replay_window: fills('replayWindow', integer(0, 1_000_000)),
  inactivity: fills('idleSeconds', duration),
  'enable-tcp': means(['tcp'], (draft, { value, path }) => {
    const use = oneOf({ no: undefined, yes: 'always', fallback: 'fallback' } as const)(value)
    if (use === undefined) draft.mark(path, 'kept')
    else draft.say('tcp', { use, port: 4500 }, path)
  }),
  'tcp-remoteport': joins('tcp'),
  ppk: means(['ppkRequired'], (draft, { value, path }) => {
    const wanted = text(value)
    if (wanted === 'insist') draft.say('ppkRequired', true, path)
    else if (/^(?:no|never)$/.test(wanted)) draft.unsay(['ppkId'], 'it is switched off')
    else draft.mark(path, 'kept')
  }),
  'ppk-ids': fills('ppkId', text),
  eap_identity: fills('user', text),
  xauth_identity: fills('user', text),
  xauth: ignores(IKEV1),
  xauthby: ignores('it is for gateways'),
  aaa_identity: fills('aaaId', text),
  modeconfig: ignores(IKEV1),
  modecfgpull: ignores(IKEV1),
  modecfgdns: fills('dnsServers', listOf(text)),
  modecfgdomains: fills('dnsSearch', listOf(text)),
  'cisco-unity': ignores(IKEV1),
  'cisco-split': ignores(IKEV1),
  'remote-peer-type': ignores(IKEV1),
  remote_peer_type: ignores(IKEV1),
  'initial-contact': ignores('Culvert always says that it is new'),
  'accept-redirect': fills('redirect', yes),
  esn: ignores('Culvert prefers sequence numbers of 64 bits and takes 32'),
  intermediate: ignores('Culvert uses it where it is needed'),
  tfc: ignores('Culvert does not pad packets'),
  mtu: fills('mtu', integer(576, 9000)),
  ...Object.fromEntries(
    [
      'mark',
      'mark_in',
      'mark_out',
      'mark-in',
      'mark-out',
      'if_id',
      'vti-interface',
      'vti-routing',
      'ipsec-interface',
      'interface-ip',
      'priority',
      'reqid',
      'nic-offload',
      'installpolicy',
      'metric',
      'clones',
      'overlapip',
      'hostaddrfamily',
      'clientaddrfamily',
    ].map((key) => [key, ignores(EDGE)]),
  ),
}

/** `ipsec.conf` of strongSwan and Libreswan, with the `ipsec.secrets` beside it. One draft for each `conn`. */
export function ipsecConf(file: ImportFile, { bundle, report }: ImportContext): readonly Draft[] {
  const conns = parseIpsecConf(decodeText(file.bytes, file.name), file.name, (pattern) =>
    bundle
      .matching(pattern, file.name)
      .filter((other) => other.name !== file.name)
      .map((other) => ({ name: other.name, text: decodeText(other.bytes, other.name) })),
  )
  const drafts = conns.map((conn) => {
    const draft = new Draft(file.name, report, `${conn.name}.`)
    takeConn(draft, conn, bundle)
    return draft
  })
  takeIpsecSecrets(drafts, { bundle, report })
  return drafts
}

function takeConn(draft: Draft, conn: Conn, bundle: Bundle): void {
  draft.say('name', conn.name)
  const ours = ourEnd(conn)
  const rowName = (path: string): string => {
    const plain = path.replace(/^(left|right)-/, '$1')
    const end = /^(left|right)(.*)$/.exec(plain)
    return end === null ? plain : `${end[1] === ours ? 'our' : 'their'}${end[2]}`
  }
  const keys: Key[] = [...conn.values].map(([path, { value, line }]) => ({ path, value, line }))
  takeKeys(draft, keys, IPSEC_CONF, rowName)
  const get = (name: string): string | undefined =>
    keys.find(({ path }) => rowName(path) === name)?.value as string | undefined
  readAt(draft, { path: 'authby', line: conn.line }, () => saySignIn(draft, get))
  if (draft.value('requestAddresses') === undefined)
    draft.say('requestAddresses', { ipv4: false, ipv6: false })
  for (const [name, slot] of [
    ['ourcert', 'ownCertificates'],
    ['theircert', 'gatewayCertificates'],
  ] as const) {
    const key = keys.find(({ path }) => rowName(path) === name)
    if (key !== undefined && typeof key.value === 'string' && !key.value.startsWith('%')) {
      takeCertificate(draft, bundle, slot, key.value, key.path, ['ipsec.d/certs', 'certs'])
    }
  }
}

/** `%defaultroute` and `%any` are us, else who asks for an address or signs in by XAuth, else the left one. */
function ourEnd(conn: Conn): 'left' | 'right' {
  const has = (key: string): string | undefined =>
    (conn.values.get(key) ?? conn.values.get(key.replace(/^(left|right)/, '$1-')))?.value
  const signs: ((side: string) => boolean)[] = [
    (side) => has(side) === '%defaultroute',
    (side) => /^(?:%any\d?|0\.0\.0\.0)$/.test(has(side) ?? ''),
    (side) => has(`${side}xauthclient`) === 'yes' || has(`${side}modecfgclient`) === 'yes',
    (side) => /^%(?:config|modecfg|modeconfig|cfg)/.test(has(`${side}sourceip`) ?? ''),
    (side) => has(side) === undefined,
  ]
  for (const sign of signs) {
    const [left, right] = [sign('left'), sign('right')]
    if (left !== right) return left ? 'left' : 'right'
  }
  return 'left'
}

type Get = (name: string) => string | undefined

function saySignIn(draft: Draft, get: Get): void {
  const authby = get('authby')
  const rounds = [get('ourauth') ?? authby, get('ourauth2')].filter((auth) => auth !== undefined).map(signIn)
  const eap = get('ourautheap')
  if (eap !== undefined && eap !== 'none') rounds.splice(0, rounds.length, eapMethod(eap))
  const raw = isRawKey(get('ourrsasigkey')) || isRawKey(get('theirrsasigkey'))
  if (raw && rounds[0] !== 'psk') rounds.splice(0, rounds.length, 'raw-key')
  if (rounds.length === 0) rounds.push('certificate')
  if (get('ourxauthclient') === 'yes' && !rounds.includes('xauth')) rounds.push('xauth')
  if (authby?.startsWith('xauth') === true && !rounds.includes('xauth')) rounds.push('xauth')
  draft.say('auth', rounds)
  const gateway = signIn(get('theirauth') ?? authby ?? 'pubkey')
  const proof: GatewayProof = gateway === 'psk' || gateway === 'certificate' ? gateway : 'eap'
  draft.say('gatewayAuth', raw && proof === 'certificate' ? 'raw-key' : proof)
}

/** `%cert` takes the key from the certificate; anything else is a key that stands by itself. */
const isRawKey = (value: string | undefined): boolean =>
  value !== undefined && !/^%(?:cert|none)$/.test(value)

function signIn(auth: string): SignIn {
  const word = auth.split(/[,|]/)[0]?.trim().toLowerCase() ?? ''
  if (/^(?:secret|psk|xauthpsk)$/.test(word)) return 'psk'
  if (/^(?:rsasig|rsa|ecdsa|pubkey|ike|ed25519|ed448|cert|xauthrsasig)(?:[-:/].*)?$/.test(word))
    return 'certificate'
  if (word.startsWith('xauth')) return 'xauth'
  if (word === 'eap' || word.startsWith('eap-')) return eapMethod(word.slice(4))
  if (word === 'eaponly') return 'eap-tls'
  if (word === 'null' || word === 'never' || word === 'none') return 'none'
  throw new Unreadable('secret, psk, rsasig, pubkey, eap or xauth is expected')
}

function sayTs(slot: 'localSubnets' | 'remoteSubnets') {
  return (draft: Draft, { value, path }: Key): void => {
    const { networks, ports } = trafficSelectors(
      text(value)
        .replace(/[{}]/g, ' ')
        .replace(/^vhost:.*$/, ''),
    )
    const plain = networks.filter((network) => network !== 'dynamic' && network !== '%dynamic')
    if (plain.length > 0) draft.say(slot, plain, path)
    else draft.mark(path, 'kept')
    if (ports.length > 0) draft.add('selectorPorts', ports, path)
  }
}

function sayId(slot: 'localId' | 'remoteId') {
  return (draft: Draft, { value, path }: Key): void => {
    const id = identityWords(text(value))
    if (id === undefined) draft.mark(path, 'kept')
    else draft.say(slot, id, path)
  }
}
