import { asEspSpi } from '../bytes/brands.ts'
import { Secret } from '../bytes/secret.ts'
import { VpnFailure } from '../errors.ts'
import type { AhSa, EspSa, IpsecSa, SelectorPair } from '../esp/engine.ts'
import type { ManualConfig } from '../ike/manual.ts'
import { hasAh, isHostToHost } from './child.ts'
import type { ManualAuth } from './manual-schema.ts'
import { selectorOf } from './networks.ts'
import type { Profile } from './schema.ts'
import { parseAhSuite, parseEspSuite, weaknessOf } from './suites.ts'

export const isManual = ({ auth }: Pick<Profile, 'auth'>): boolean => auth.method === 'manual'

/** IANA Transform Types. RFC 7296 §3.3.2 */
const [ENCR, INTEG, KE, ESN] = [1, 3, 4, 5] as const

/** CBC and NULL: a person's keys outlive a connection, with which the counters of all others begin anew. RFC 8221 §3 */
const WITHOUT_COUNTER = [2, 3, 11, 12, 23]

/** What a profile with keys by hand must say, and what it cannot. Throws `VpnFailure` (`profileInvalid`, `weakAlgorithm`). */
export function checkManual(profile: Profile, source: string): void {
  const { auth, weak, child } = profile
  if (auth.method !== 'manual') return
  const invalid = (field: string, problem: string): VpnFailure => refuse(source, field, problem)
  if (!weak.includes('manualkeys'))
    throw new VpnFailure({
      ...{ kind: 'weakAlgorithm', algorithm: 'keys by hand', weakness: weaknessOf('manualkeys') ?? '' },
      switch: '"weak": ["manualkeys"]',
    })
  for (const field of ['secondAuth', 'gatewayAuth', 'xauth', 'ppk'] as const)
    if (profile[field] !== undefined)
      throw invalid(field, 'with keys by hand nobody signs in, and nobody proves anything')
  for (const field of ['spi', 'ahSpi'] as const)
    if (auth[field] !== undefined && Number(auth[field].in) === Number(auth[field].out))
      throw invalid(
        `auth.${field}`,
        'with one number for both ways a packet could be sent back to its sender',
      )
  if (child?.mode === 'transportOrTunnel')
    throw invalid('child.mode', 'with keys by hand nobody chooses: it is "tunnel" or "transport"')
  algorithmsOf(profile, auth, source)
  if (isHostToHost(profile)) return
  const missing = 'with keys by hand nobody negotiates it: name the networks on both sides'
  if (profile.localSubnets.length === 0) throw invalid('localSubnets', missing)
  if (profile.remoteSubnets === undefined) throw invalid('remoteSubnets', missing)
}

interface Algorithms {
  readonly encryption: { readonly id: number; readonly keyBits: number } | undefined
  readonly integrity: number | undefined
  readonly ah: number | undefined
}

function algorithmsOf(profile: Profile, auth: ManualAuth, source: string): Algorithms {
  const { weak } = profile
  const protocol = profile.child?.protocol ?? 'esp'
  const one = (suite: string, parse: typeof parseAhSuite, field: string) => {
    const proposal = parse(suite, { source, field, weak })
    const ofType = (wanted: number) => proposal.filter(({ type }) => type === wanted)
    if ([ENCR, INTEG].some((type) => ofType(type).length > 1) || ofType(KE).length > 0)
      throw refuse(source, field, `"${suite}": nobody chooses, so one algorithm of a kind is expected`)
    if (ofType(ESN).length === 1 && ofType(ESN)[0]?.id === 1)
      throw refuse(source, field, 'only IKE agrees on sequence numbers of 64 bits')
    return { encryption: ofType(ENCR)[0], integrity: ofType(INTEG)[0]?.id }
  }
  const ah = hasAh(profile) ? one(auth.ahSuite, parseAhSuite, 'auth.ahSuite').integrity : undefined
  if (protocol === 'ah') return { encryption: undefined, integrity: undefined, ah }
  const { encryption, integrity } = one(auth.suite, parseEspSuite, 'auth.suite')
  if (encryption === undefined || !WITHOUT_COUNTER.includes(encryption.id))
    throw refuse(
      source,
      'auth.suite',
      `"${auth.suite}" counts from the beginning in every connection: with the same key twice it protects nothing`,
    )
  return { encryption: { id: encryption.id, keyBits: encryption.keyBits ?? 0 }, integrity, ah }
}

/**
 * A profile with keys by hand, its secrets (`keys`) and the peer's address, as all there is to know. Closes what it does
 * not take over. Throws `VpnFailure` (`profileInvalid`, `secretMissing`).
 */
export function manualConfig(
  profile: Profile,
  secrets: ReadonlyMap<string, Secret>,
  gatewayAddress: string,
): ManualConfig {
  const { auth, name } = profile
  const text = secrets.get('keys')?.use((octets) => Buffer.from(octets).toString('latin1'))
  for (const secret of secrets.values()) secret.close()
  if (auth.method !== 'manual') throw refuse(name, 'auth.method', 'it is not "manual"')
  if (text === undefined) throw new VpnFailure({ kind: 'secretMissing', what: 'keys', profile: name })
  const algorithms = algorithmsOf(profile, auth, name)
  const keys = readKeys(text, name)
  const all = [...keys.values()]
  try {
    const inbound = saOf(profile, auth, algorithms, keys, 'in')
    const outbound = saOf(profile, auth, algorithms, keys, 'out')
    const left = [...keys.keys()][0]
    if (left !== undefined) throw refuse(name, 'keys', `there is nothing for "${left}" to protect`)
    const config = { gatewayAddress, inbound, outbound }
    return isHostToHost(profile) ? config : { ...config, selectors: selectorsOf(profile) }
  } catch (thrown) {
    for (const key of all) key.fill(0)
    throw thrown
  }
}

function selectorsOf({ localSubnets, remoteSubnets = [] }: Profile): SelectorPair {
  const selectors = (networks: readonly string[]) => networks.flatMap((network) => selectorOf(network) ?? [])
  return { local: selectors(localSubnets), remote: selectors(remoteSubnets) }
}

type Direction = 'in' | 'out'

function saOf(
  profile: Profile,
  auth: ManualAuth,
  { encryption, integrity, ah }: Algorithms,
  keys: Map<string, Uint8Array>,
  way: Direction,
): IpsecSa {
  const take = (what: string): Secret => {
    const key = keys.get(`${what}.${way}`)
    if (key === undefined) throw refuse(profile.name, 'keys', `"${what}.${way}=" is missing`)
    keys.delete(`${what}.${way}`)
    return new Secret(key)
  }
  const number = (text: string) => asEspSpi(Number(text))
  const mode = isHostToHost(profile) ? 'transport' : 'tunnel'
  const espSa: EspSa | undefined =
    encryption === undefined || integrity === undefined
      ? undefined
      : {
          ...{ spi: number(auth.spi[way]), encryption, integrity, esn: false },
          encryptionKey: encryption.id === NULL ? new Secret(new Uint8Array()) : take('encryption'),
          integrityKey: take('integrity'),
        }
  const ahSpi = (auth.ahSpi ?? auth.spi)[way]
  const ahSa: AhSa | undefined =
    ah === undefined ? undefined : { spi: number(ahSpi), integrity: ah, integrityKey: take('ah'), esn: false }
  return { mode, ...(espSa && { esp: espSa }), ...(ahSa && { ah: ahSa }) }
}

/** ENCR_NULL has no key. RFC 2410 */
const NULL = 11

const KEY_NAMES = /^(encryption|integrity|ah)\.(in|out)$/

/**
 * The secret `keys`: `encryption.in=… integrity.in=… encryption.out=… integrity.out=…`, and `ah.in=… ah.out=…` for AH,
 * in hex, by space or line; a line that begins with # is for people.
 */
function readKeys(text: string, source: string): Map<string, Uint8Array> {
  const lines = text.split(/\r?\n/).filter((line) => !line.trim().startsWith('#'))
  const keys = new Map<string, Uint8Array>()
  for (const word of lines.join(' ').split(/[\s;]+/)) {
    if (word === '') continue
    const [, name = '', hex = ''] = /^([a-z.]+)=(?:0x)?([0-9a-f]+)$/i.exec(word) ?? []
    // The word itself may be a key.
    if (!KEY_NAMES.test(name) || hex.length % 2 !== 0)
      throw refuse(source, 'keys', 'keys are written as encryption.in=… integrity.in=… and so on, in hex')
    if (keys.has(name)) throw refuse(source, 'keys', `"${name}=" stands there twice`)
    keys.set(name, new Uint8Array(Buffer.from(hex, 'hex')))
  }
  return keys
}

const refuse = (source: string, field: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'profileInvalid', source, field, problem })
