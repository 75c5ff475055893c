import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One line of `test/lab/scenarios.tab`. */
export interface Scenario {
  readonly name: string
  /** Only what the line sets; what the keys mean stands on top of the table. */
  readonly settings: ReadonlyMap<string, string>
  readonly description: string
}

/** What a failing scenario must report: a `VpnError` kind and the fields that matter. */
export interface ExpectedFault {
  readonly kind: string
  readonly fields: Readonly<Record<string, string | number>>
  /** What the gateway's log gives as the reason, where the client is told none. */
  readonly gatewaySays?: RegExp
}

/** Checks beyond "connects, carries traffic, leaves nothing behind". */
export type ExtraCheck =
  | 'tamper'
  | 'rekey'
  | 'reauth'
  | 'dpd'
  | 'idle'
  | 'fragments'
  | 'move'
  | 'reconnect'
  | 'redirect'

const CLIENT_REFUSED = { kind: 'authFailed', fields: { who: 'us', method: 'certificate' } }

export const EXPECTED_FAULTS: Readonly<Record<string, ExpectedFault>> = {
  'ike-misbehave-critical-unknown': { kind: 'protocol', fields: { exchange: 'IKE_AUTH' } },
  'ike-misbehave-error-init': { kind: 'refused', fields: { exchange: 'IKE_SA_INIT' } },
  'ike-misbehave-error-auth': { kind: 'refused', fields: { exchange: 'IKE_AUTH' } },
  'ike-misbehave-auth-failed': { kind: 'authFailed', fields: { who: 'us' } },
  'ike-misbehave-major': { kind: 'versionUnsupported', fields: {} },
  'ike-misbehave-short-length': { kind: 'protocol', fields: { exchange: 'IKE_AUTH' } },
  // The length of the whole message is wrong too, so that nothing of it can be believed.
  'ike-misbehave-long-length': { kind: 'noAnswer', fields: { exchange: 'IKE_AUTH' } },
  'ike-misbehave-length-init': { kind: 'protocol', fields: { exchange: 'IKE_SA_INIT' } },
  // The hook leaves the mark for "more proposals follow" behind: unreadable before the number is looked at.
  'ike-misbehave-proposal-number': { kind: 'protocol', fields: { exchange: 'IKE_SA_INIT' } },
  'ike-misbehave-proposal': { kind: 'badProposalChosen', fields: { phase: 1 } },
  'ike-misbehave-wrong-spi': { kind: 'noAnswer', fields: { exchange: 'IKE_AUTH' } },
  'ike-misbehave-initiator': { kind: 'unreachable', fields: {} },
  'ike-misbehave-deaf': { kind: 'noAnswer', fields: { exchange: 'IKE_AUTH' } },
  'ike-misbehave-request': { kind: 'unreachable', fields: {} },
  'ikev2-bad-redirect-loop': { kind: 'protocol', fields: { reference: 'RFC 5685 §7' } },
  'ikev2-bad-mlkem-required': { kind: 'noProposalChosen', fields: { phase: 1 } },
  'ikev2-bad-psk': { kind: 'authFailed', fields: { who: 'us' } },
  'ikev2-bad-noproposal': { kind: 'noProposalChosen', fields: { phase: 1 } },
  'ikev2-bad-nochild': { kind: 'noProposalChosen', fields: { phase: 2 } },
  'ikev2-bad-peap-password': { kind: 'authFailed', fields: { who: 'us' } },
  'ikev2-bad-ppk': { kind: 'authFailed', fields: { who: 'us' } },
  'ikev2-bad-password': { kind: 'authFailed', fields: { who: 'us' } },
  'ikev2-bad-gw-expired': { kind: 'certificateRefused', fields: { rule: 'expired' } },
  'ikev2-bad-gw-rogue': { kind: 'certificateRefused', fields: { rule: 'untrusted' } },
  'ikev2-bad-gw-name': { kind: 'gatewayIdMismatch', fields: {} },
  'ikev2-bad-gw-expired-cert': { kind: 'certificateRefused', fields: { rule: 'expired' } },
  'ikev2-bad-gw-rogue-cert': { kind: 'certificateRefused', fields: { rule: 'untrusted' } },
  'ikev2-bad-gw-name-cert': { kind: 'gatewayIdMismatch', fields: {} },
  'ikev2-bad-cl-expired': { ...CLIENT_REFUSED, gatewaySays: /subject certificate invalid \(valid from/ },
  'ikev2-bad-cl-revoked': { ...CLIENT_REFUSED, gatewaySays: /certificate was revoked on/ },
  'ikev1-bad-psk': { kind: 'authFailed', fields: { who: 'us', method: 'psk' } },
  'ikev1-bad-xauth': { kind: 'authFailed', fields: { who: 'us', method: 'xauth' } },
  'ikev2-bad-cl-rogue': { ...CLIENT_REFUSED, gatewaySays: /no issuer certificate found for/ },
}

export const EXTRA_CHECKS: Readonly<Record<string, ExtraCheck>> = {
  'ikev2-mlkem-rekey': 'rekey',
  'ikev2-rekey': 'rekey',
  'ikev2-rekey-pfs': 'rekey',
  'ikev2-reauth': 'reauth',
  'ikev2-dpd': 'dpd',
  'ikev1-rekey': 'rekey',
  'ikev1-dpd': 'dpd',
  'ikev2-idle': 'idle',
  'ikev2-fragment-psk': 'fragments',
  'ikev2-fragment': 'fragments',
  'ikev2-mobike': 'move',
  'ikev2-redirect-active': 'redirect',
  'ikev2-rebind': 'move',
  'ikev2-nomobike': 'reconnect',
  'ikev1-fragment': 'fragments',
  ...Object.fromEntries(
    [
      'ikev2-esp-transport',
      'ikev2-esp-transport-6',
      'ikev2-ah-tunnel',
      'ikev2-ah-transport',
      'ikev2-ah-transport-6',
    ]
      .concat(['ikev2-esp-tunnel', 'ikev1-esp-transport', 'ikev1-ah-tunnel', 'ikev1-ah-transport'])
      .map((name) => [`guest-${name}`, 'tamper' as const]),
  ),
}

/** A small set that touches every part, for `npm test`. The second list is run behind a NAT, the third from files of others. */
export const REPRESENTATIVE = {
  direct: [
    'ikev2-psk',
    'ikev2-cookie',
    'ikev2-invalid-ke',
    'ikev2-fragment-psk',
    'ikev2-dual',
    'ikev2-full',
    'ikev2-nopool',
    'ikev2-alg-chacha',
    'ikev2-bad-psk',
    'ikev2-bad-nochild',
    'ikev2-cert-rsa',
    'ikev2-bad-gw-rogue-cert',
    'ikev1-xauth-psk',
    'ikev1-bad-psk',
  ],
  nat: [
    'ikev1-hybrid-aggr',
    'ikev1-main-ecdsa',
    'ikev2-psk',
    'ikev2-cert-ecdsa',
    'ikev2-two-nets',
    'ikev2-alg-cbc-sha256',
  ],
  formats: ['sswan-eap', 'mobileconfig-cert', 'pcf', 'profile-xml'],
} as const

/** Scenarios Culvert is known to serve beside the `ikev2-alg-*` ones. */
const SUPPORTED = new Set([
  'ikev2-psk',
  'ikev2-cookie',
  'ikev2-invalid-ke',
  'ikev2-fragment-psk',
  'ikev2-ppk',
  'ikev2-childless',
  'ikev2-childless-6',
  'ikev2-redirect-init',
  'ikev2-redirect-active',
  'ikev2-ppk-6',
  'ikev2-mobike',
  'ikev2-rebind',
  'ikev2-nomobike',
  'ikev2-ppk-cert',
  'ikev2-ppk-eap',
  'ikev2-cert-rsa',
  'ikev2-cert-ecdsa',
  'ikev2-cert-ecdsa384',
  'ikev2-cert-ed25519',
  'ikev2-cert-legacy-sig',
  'ikev2-cert-pss',
  'ikev2-cert-chain',
  'ikev2-eap-mschapv2',
  'ikev2-eap-md5',
  'ikev2-eap-gtc',
  'ikev2-eap-tls',
  'ikev2-eap-tls-only',
  'ikev2-eap-ttls',
  'ikev2-eap-ttls-mschapv2',
  'ikev2-eap-peap',
  'ikev2-eap-peap-md5',
  'ikev2-eap-sim',
  'ikev2-eap-aka',
  'ikev2-tls13-eap-tls',
  'ikev2-tls13-eap-tls-only',
  'ikev2-tls13-eap-ttls',
  'ikev2-tls13-eap-peap',
  'ikev2-mlkem-eap',
  'ikev2-redirect-auth',
  'ikev2-multi-cert-eap',
  'ikev2-multi-psk-eap',
  'ikev2-fragment',
  'ikev2-nofragment',
  'ikev2-outer6-cert',
  'ikev2-rekey',
  'ikev2-rekey-pfs',
  'ikev2-reauth',
  'ikev2-raw-esp',
  'ikev2-raw-esp-outer6',
  'ikev1-raw-esp',
  'ikev2-lost-init',
  'ikev2-lost-auth',
  'ikev2-tcp',
  'ikev2-http',
  'ikev2-dpd',
  'ikev2-idle',
  'ikev2-outer6',
  'ikev2-pool6',
  'ikev2-dual',
  'ikev2-full',
  'ikev2-two-nets',
  'ikev2-host',
  'ikev2-nopool',
  'ikev1-main-psk',
  'ikev1-main-psk-modecfg',
  'ikev1-xauth-psk',
  'ikev1-push',
  'ikev1-lost-init',
  'ikev1-lost-auth',
  'ikev1-rekey',
  'ikev1-dpd',
  'ikev1-3des',
  'ikev1-des',
  'ikev1-outer6',
  'ikev1-main-rsasig',
  'ikev1-main-ecdsa',
  'ikev1-xauth-rsa',
  'ikev1-hybrid',
  'ikev1-hybrid-aggr',
  'ikev1-aggressive-psk',
  'ikev1-aggressive-rsasig',
  'ikev1-xauth-psk-aggr',
  'ikev1-xauth-psk-aggr-full',
  'ikev1-vpnc',
  'ikev1-fragment',
  ...Object.keys(EXPECTED_FAULTS),
])

/** Whether it needs the newer strongSwan, which is not part of the repository. */
export const isNewer = ({ settings }: Scenario): boolean => settings.get('peer') === '6'

/** Reads the table as the lab does: a name, `key=value` words, and a description after `#`. */
export function parseScenarios(table: string): readonly Scenario[] {
  const scenarios: Scenario[] = []
  for (const line of table.split('\n')) {
    const match = /^([a-z0-9]\S*) (.*?)# *(.*)$/.exec(line)
    if (!match) continue
    const [, name = '', words = '', description = ''] = match
    const settings = new Map(
      words
        .trim()
        .split(/\s+/)
        .filter((word) => word !== '')
        .map((word): [string, string] => {
          const at = word.indexOf('=')
          return [word.slice(0, at), word.slice(at + 1)]
        }),
    )
    scenarios.push({ name, settings, description })
  }
  return scenarios
}

export const loadScenarios = (root: string): readonly Scenario[] =>
  parseScenarios(readFileSync(join(root, 'test/lab/scenarios.tab'), 'utf8'))

/** Why Culvert does not serve a scenario yet, or `undefined` when it does. */
export function unsupportedReason(scenario: Scenario): string | undefined {
  if (SUPPORTED.has(scenario.name) || scenario.name.startsWith('ikev2-alg-')) return undefined
  if (scenario.name.startsWith('ike-misbehave-')) return undefined
  if (/^ikev2-mlkem-?\w+$/.test(scenario.name) && !scenario.name.endsWith('-eap')) return undefined
  const get = (key: string, otherwise: string): string => scenario.settings.get(key) ?? otherwise
  if (get('v', '2') === '1') return 'IKEv1 is not there yet in this form'
  const client = get('cl', 'psk')
  if (client !== 'psk' && client !== 'pubkey') return `signing in with ${client} is not there yet`
  if (get('gw', 'pubkey') !== 'psk' && get('gw', 'pubkey') !== 'pubkey')
    return `a gateway that proves itself by ${get('gw', 'pubkey')} is not there yet`
  return 'not tried yet'
}
