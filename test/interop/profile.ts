import { readFileSync } from 'node:fs'
import { type LabEnv, setting } from './lab.ts'

/** Algorithms that need a switch. Listed here on purpose, so that a switch that got lost is seen. */
const WEAK = new Set([
  'des',
  '3des',
  'null',
  'sha1',
  'md5',
  'prfsha1',
  'prfmd5',
  'modp768',
  'modp1024',
  'modp1536',
])

/** Here the gateway is known by its address alone, and must be whom its certificate names. */
const BY_ADDRESS = new Set([
  'ikev2-cert-chain',
  'ikev2-outer6-cert',
  'ikev2-bad-gw-name',
  'ikev2-bad-gw-name-cert',
])

const words = (proposals: string): readonly string[] => proposals.split(/[-,]/)

/** `default` leaves the choice to Culvert; its suites are spelled as the gateways spell theirs. */
const proposals = (text: string) => (text === 'default' ? {} : { proposals: text.split(',') })

type ReadFile = (path: string) => string
const readText: ReadFile = (path) => readFileSync(path, 'utf8')

/** The profile a person would write for a scenario of the lab. */
export function profileFor(scenario: string, env: LabEnv, read: ReadFile = readText) {
  const pool = setting(env, 'LAB_POOL')
  const ike = setting(env, 'LAB_CLIENT_IKE_PROPOSALS')
  const esp = setting(env, 'LAB_CLIENT_ESP_PROPOSALS')
  const weak = [...new Set([...words(ike), ...words(esp)])].filter((word) => WEAK.has(word))
  if (isAggressive(env) && rounds(env).includes('psk')) weak.push('aggressivepsk')
  if (setting(env, 'LAB_SIGAUTH') === 'no') weak.push('sha1signature')
  return {
    format: 'culvert-profile',
    version: 1,
    id: scenario,
    name: scenario,
    gateway: { host: setting(env, setting(env, 'LAB_OUTER') === '6' ? 'LAB_GW6' : 'LAB_GW4') },
    ike: {
      ...(setting(env, 'LAB_IKE_VERSION') === '1' ? { version: 1 } : {}),
      ...(isAggressive(env) ? { aggressive: true } : {}),
      ...(setting(env, 'LAB_CHILDLESS') === 'force' ? { childless: true } : {}),
      ...(setting(env, 'LAB_DPD') === '0' ? {} : { dpdSeconds: Number(setting(env, 'LAB_DPD')) }),
      ...proposals(ike),
    },
    esp: proposals(esp),
    ...(BY_ADDRESS.has(scenario) ? {} : { remoteId: setting(env, 'LAB_GW_ID') }),
    ...ourProof(env, read),
    ...gatewayAuth(env, read),
    ...(rounds(env).includes('xauth') ? { xauth: { user: setting(env, 'LAB_USER') } } : {}),
    ...(setting(env, 'LAB_CLIENT_PPK') === '' ? {} : { ppk: { id: setting(env, 'LAB_PPK_ID') } }),
    requestAddresses: { ipv4: pool === '4' || pool === '46', ipv6: pool === '6' || pool === '46' },
    // IKEv1 narrows nothing: what is asked for has to be what the gateway opens.
    ...(setting(env, 'LAB_IKE_VERSION') === '1' && !isTransport(env)
      ? { remoteSubnets: setting(env, 'LAB_SELECTORS').split(',') }
      : {}),
    localSubnets: pool === 'none' && !isTransport(env) ? [`${setting(env, 'LAB_OWN4')}/32`] : [],
    ...(env.get('LAB_RAWESP') === 'yes' ? { forceEncapsulation: false } : {}),
    ...childOf(env),
    weak,
  } as const
}

/** What protects packets, and around what, where the scenario says so. */
function childOf(env: LabEnv) {
  const [protocol, mode] = env.get('LAB_CHILD')?.split(' ') ?? []
  return protocol === undefined ? {} : { child: { protocol, mode } }
}

const isTransport = (env: LabEnv): boolean => env.get('LAB_CHILD')?.endsWith('transport') === true

function gatewayAuth(env: LabEnv, read: ReadFile) {
  const how = setting(env, 'LAB_AUTH_GATEWAY')
  if (how === 'pubkey') return { gatewayAuth: { method: 'certificate', ca: read(setting(env, 'LAB_CA')) } }
  return how === 'psk' ? {} : { gatewayAuth: { method: 'eap' } }
}

/** By EAP as `alice`, whom IKE knows as `alice@lab.test`; by certificate as whom it names. */
function byEap(env: LabEnv, round: string, read: ReadFile) {
  const method = round.replace(/^eap-/, '')
  const localId = `${setting(env, 'LAB_USER')}@lab.test`
  const server = { id: setting(env, 'LAB_GW_ID'), ca: read(setting(env, 'LAB_CA')) }
  if (method === 'tls') {
    const certificate = read(setting(env, 'LAB_CLIENT_CERT'))
    return { auth: { method: 'eap', methods: ['tls'], certificate, server } }
  }
  if (method === 'sim' || method === 'aka') {
    const user = setting(env, method === 'sim' ? 'LAB_SIM_USER' : 'LAB_AKA_USER')
    return { localId, auth: { method: 'eap', methods: [method], user } }
  }
  const inner = [setting(env, 'LAB_PHASE2')]
  const inside =
    method === 'ttls' ? { ttls: 'eap', inner, server } : method === 'peap' ? { inner, server } : {}
  return { localId, auth: { method: 'eap', methods: [method], user: setting(env, 'LAB_USER'), ...inside } }
}

/** By key as `alice@lab.test`; by certificate as whom it names. */
function ourProof(env: LabEnv, read: ReadFile): object {
  const [first = '', second = ''] = rounds(env)
  if (first === 'xauth') return { auth: { method: 'xauth' } }
  if (first.startsWith('eap-')) return byEap(env, first, read)
  return {
    ...(first === 'pubkey' ? byCertificate(env, read) : byKey(env)),
    ...(second.startsWith('eap-') ? { secondAuth: byEap(env, second, read).auth } : {}),
  }
}

function byKey(env: LabEnv) {
  const localId = isAggressive(env)
    ? groupId(setting(env, 'LAB_GROUP'))
    : `${setting(env, 'LAB_USER')}@lab.test`
  return { localId, auth: { method: 'psk' } }
}

/** The name of a group says its type itself where it is not the usual one. */
const groupId = (group: string): string => (group.includes(':') ? group : `keyid:${group}`)

function byCertificate(env: LabEnv, read: ReadFile) {
  const files = [setting(env, 'LAB_CLIENT_CERT'), setting(env, 'LAB_CLIENT_CHAIN')]
  const certificate = files
    .filter((path) => path !== '')
    .map(read)
    .join('')
  return { auth: { method: 'certificate', certificate, rsaPss: setting(env, 'LAB_PSS') === 'yes' } }
}

/** What that person keeps secret, by the names Culvert has for it. */
export const secretsFor = (env: LabEnv, read: ReadFile = readText): Readonly<Record<string, string>> => ({
  ...(rounds(env).some((round) => round === 'pubkey' || round === 'eap-tls')
    ? { key: read(setting(env, 'LAB_CLIENT_KEY')) }
    : {}),
  ...(rounds(env).includes('psk') ? { psk: setting(env, 'LAB_CLIENT_PSK') } : {}),
  ...(rounds(env).some(hasPassword) ? { password: setting(env, 'LAB_CLIENT_PASSWORD') } : {}),
  ...(rounds(env).includes('eap-sim') ? { card: read(setting(env, 'LAB_SIM_TRIPLETS')) } : {}),
  ...(rounds(env).includes('eap-aka')
    ? { card: `k=${setting(env, 'LAB_AKA_K')} opc=${setting(env, 'LAB_AKA_OPC')}` }
    : {}),
  ...(setting(env, 'LAB_CLIENT_PPK') === '' ? {} : { ppk: setting(env, 'LAB_CLIENT_PPK') }),
})

/** Aggressive mode of IKEv1. */
const isAggressive = (env: LabEnv): boolean => setting(env, 'LAB_AGGRESSIVE') === 'yes'

/** How the client signs in, one after the other: `psk`, `xauth`, `eap-tls`. */
const rounds = (env: LabEnv): readonly string[] => setting(env, 'LAB_AUTH_CLIENT').split('+')

const hasPassword = (round: string): boolean =>
  round === 'xauth' || (round.startsWith('eap-') && !['eap-tls', 'eap-sim', 'eap-aka'].includes(round))
