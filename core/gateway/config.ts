import { isIP } from 'node:net'
import * as v from 'valibot'
import { addressText } from '../bytes/address.ts'
import { VpnFailure } from '../errors.ts'
import type { XauthGatewayConfig } from '../ike/config.ts'
import { parseCidr } from '../net/cidr.ts'
import { parseIdentity } from '../profile/identity.ts'
import { isNetwork, selectorOf } from '../profile/networks.ts'
import { gatewayAuthSchema, ownGatewayAuthSchema } from '../profile/sign-in.ts'
import { switchedOn, withoutNames } from '../profile/suite-sets.ts'
import {
  DEFAULT_ESP_SUITES,
  DEFAULT_IKE_SUITES,
  DEFAULT_IKEV1_SUITES,
  parseEspSuite,
  parseIkeSuite,
} from '../profile/suites.ts'
import type { GatewayOptions } from './gateway.ts'
import { DEFAULT_LIMITS } from './newcomers.ts'
import type { PoolRange } from './pool.ts'
import { type GatewaySecrets, proofsOf, proofsV1 } from './proofs.ts'
import type { Staples } from './staples.ts'
import { TimedCodes } from './timed-codes.ts'

const address = v.pipe(
  v.string(),
  v.check((text) => isIP(text) !== 0, 'a numeric address is expected'),
)
const addressOf = (family: 4 | 6) =>
  v.pipe(
    v.string(),
    v.check((text) => isIP(text) === family, `a numeric IPv${family} address is expected`),
  )
const network = v.pipe(v.string(), v.check(isNetwork, 'a network such as 10.78.0.0/24 is expected'))
const suites = v.pipe(v.array(v.string()), v.minLength(1, 'at least one suite is needed'))
const seconds = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(604_800))
const identity = v.pipe(
  v.string(),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    const parsed = parseIdentity(dataset.value)
    if ('problem' in parsed) addIssue({ message: parsed.problem })
  }),
)
const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000))

/** What the built-in gateway may be told; with nothing told it works all the same. */
const gatewaySchema = v.strictObject({
  format: v.optional(v.literal('culvert-gateway')),
  version: v.optional(v.literal(1)),
  /** Who the gateway says it is. */
  id: v.optional(identity, 'gateway.culvert.test'),
  /** Outer addresses; left out: all this machine has. */
  listen: v.optional(v.pipe(v.array(address), v.minLength(1))),
  /** A file for what proves to clients after a start that they are forgotten; made where it is not there. Left out: nothing does. RFC 6290 */
  crashSecretFile: v.optional(v.string()),
  /** Where clients come by TCP; 0: nowhere. RFC 9329 */
  tcpPort: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535)), 4500),
  /** How the gateway proves who it is, and how clients do; what is said of certificates is as in a profile. */
  auth: v.optional(ownGatewayAuthSchema, { method: 'psk' }),
  clientAuth: v.optional(gatewayAuthSchema, { method: 'psk' }),
  /** A file whose first line is the pre-shared key; left out: a fresh one, shown once. */
  pskFile: v.optional(v.string()),
  /** A file with the private key of the gateway's certificate; that may be in it too. */
  keyFile: v.optional(v.string()),
  /** Whom this is not said of: what is left out is as for all. */
  clients: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          id: identity,
          auth: v.optional(v.strictObject({ method: v.picklist(['psk', 'certificate']) })),
          clientAuth: v.optional(gatewayAuthSchema),
          pskFile: v.optional(v.string()),
        }),
      ),
      v.maxLength(1000),
    ),
    () => [],
  ),
  ike: v.optional(
    v.strictObject({
      proposals: v.optional(suites, () => [...DEFAULT_IKE_SUITES]),
      rekeySeconds: v.optional(seconds, 14_400),
      dpdSeconds: v.optional(seconds, 30),
    }),
    {},
  ),
  esp: v.optional(
    v.strictObject({
      proposals: v.optional(suites, () => [...DEFAULT_ESP_SUITES]),
      rekeySeconds: v.optional(seconds, 3600),
    }),
    {},
  ),
  /** Clients that speak IKEv1 are taken too; left out: they are not. */
  ikev1: v.optional(
    v.strictObject({
      proposals: v.optional(suites, () => [...DEFAULT_IKEV1_SUITES]),
      aggressive: v.optional(v.boolean(), false),
      /** Clients prove nothing in phase 1 and sign in with a name and a password: only the gateway has a certificate. */
      hybrid: v.optional(v.boolean(), false),
      /** Addresses are given before clients ask for them. */
      push: v.optional(v.boolean(), false),
      /** Passwords do not travel: who signs in proves by CHAP to have one. */
      chap: v.optional(v.boolean(), false),
      /**
       * Who signs in by XAuth after phase 1, and a file whose first line is the password; empty: nobody is asked. `totpFile`:
       * the same for what makes codes of six digits, in Base32 (RFC 6238), which is asked for then.
       */
      users: v.optional(
        v.pipe(
          v.array(
            v.strictObject({
              name: v.pipe(v.string(), v.minLength(1)),
              passwordFile: v.string(),
              totpFile: v.optional(v.string()),
            }),
          ),
          v.maxLength(1000),
        ),
        () => [],
      ),
    }),
  ),
  /** Weak algorithms, switched on by name. */
  weak: v.optional(v.array(v.string()), () => []),
  /** Addresses for clients; the network's first and last are not given out. */
  pool: v.optional(
    v.strictObject({ ipv4: v.optional(network, '10.78.0.0/24'), ipv6: v.optional(network, 'fd78::/112') }),
    {},
  ),
  /** Where the name server and the web page are, behind the tunnel. */
  inside: v.optional(
    v.strictObject({
      ipv4: v.optional(addressOf(4), '10.77.0.1'),
      ipv6: v.optional(addressOf(6), 'fd77::1'),
      domain: v.optional(v.pipe(v.string(), v.regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/)), 'culvert.test'),
    }),
    {},
  ),
  /** What clients may reach; left out: the networks of the addresses inside. */
  networks: v.optional(v.pipe(v.array(network), v.minLength(1)), () => ['10.77.0.0/24', 'fd77::/64']),
  limits: v.optional(
    v.strictObject({
      cookiesFrom: v.optional(count, DEFAULT_LIMITS.cookiesFrom),
      halfOpen: v.optional(count, DEFAULT_LIMITS.halfOpen),
      sessions: v.optional(count, DEFAULT_LIMITS.sessions),
      burst: v.optional(count, DEFAULT_LIMITS.burst),
      perSecond: v.optional(count, DEFAULT_LIMITS.perSecond),
    }),
    {},
  ),
})

export type GatewaySettings = v.InferOutput<typeof gatewaySchema>

/** Checks settings; throws `VpnFailure` (`profileInvalid`) with the first problem. `source`: the file, for messages. */
export function readGatewaySettings(value: unknown, source: string): GatewaySettings {
  const result = v.safeParse(gatewaySchema, value)
  if (result.success) return result.output
  const issue = result.issues[0]
  const field = v.getDotPath(issue) ?? ''
  throw new VpnFailure({ kind: 'profileInvalid', source, field, problem: issue.message })
}

/** Ours: as behind home routers, whose mappings die after 30 s and more. RFC 3948 §4 */
const KEEPALIVE_SECONDS = 20

/** What every session starts from; `secrets` stay the caller's. Throws `VpnFailure` (`profileInvalid`, `weakAlgorithm`). */
export function sessionConfig(
  settings: GatewaySettings,
  secrets: GatewaySecrets,
  source: string,
  staples?: Pick<Staples, 'responses'>,
): GatewayOptions['config'] {
  const { weak } = settings
  return {
    remoteIdentity: undefined,
    ikeProposals: withoutNames(settings.ike.proposals, 'ike').map((suite) =>
      parseIkeSuite(suite, {
        source,
        field: 'ike.proposals',
        weak: switchedOn(settings.ike.proposals, weak),
      }),
    ),
    espProposals: withoutNames(settings.esp.proposals, 'esp').map((suite) =>
      parseEspSuite(suite, {
        source,
        field: 'esp.proposals',
        weak: switchedOn(settings.esp.proposals, weak),
      }),
    ),
    requestAddresses: { ipv4: false, ipv6: false },
    localSelectors: settings.networks.map((text) => selectorOf(text)!),
    // Nobody comes in with an address we did not give them.
    remoteSelectors: [],
    forceEncapsulation: true,
    mobike: true,
    childless: true,
    announcesMethods: true,
    lifetimes: {
      ikeRekeySeconds: settings.ike.rekeySeconds,
      childRekeySeconds: settings.esp.rekeySeconds,
    },
    dpdSeconds: settings.ike.dpdSeconds,
    keepaliveSeconds: KEEPALIVE_SECONDS,
    pfsGroups: [],
    // Last, so that no key is read for settings that cannot be used.
    ...proofsOf(settings, secrets, source, staples),
  }
}

/**
 * The same for clients that speak IKEv1, which the settings may not let in. `base` is what {@link sessionConfig} gave, whose
 * key it shares. Throws `VpnFailure` (`profileInvalid`, `weakAlgorithm`).
 */
export function sessionConfigV1(
  settings: GatewaySettings,
  secrets: GatewaySecrets,
  source: string,
  base: GatewayOptions['config'],
): GatewayOptions['config'] | undefined {
  const { ikev1, weak } = settings
  if (ikev1 === undefined) return undefined
  const invalid = (field: string, problem: string): VpnFailure =>
    new VpnFailure({ kind: 'profileInvalid', source, field, problem })
  const authentication = proofsV1(settings, secrets, base)
  if (authentication === undefined)
    throw invalid('ikev1', 'in IKEv1 both ends prove themselves by the key, or both by certificates')
  const named = new Set(ikev1.users.map(({ name }) => name))
  if (named.size < ikev1.users.length) throw invalid('ikev1.users', 'a name stands there twice')
  if (ikev1.hybrid && ikev1.users.length === 0)
    throw invalid('ikev1.users', 'with "hybrid" they are all that says who comes in')
  if (ikev1.aggressive && authentication.method === 'psk' && !weak.includes('aggressivepsk'))
    throw invalid(
      'ikev1.aggressive',
      'with a pre-shared key a hash of it travels in the clear and can be guessed at; "weak": ["aggressivepsk"] allows it',
    )
  const context = { source, field: 'ikev1.proposals', weak }
  const { authenticationOf: _, ...shared } = base
  return {
    ...shared,
    authentication,
    ikev1: {
      aggressive: ikev1.aggressive,
      ikeProposals: ikev1.proposals.map((suite) => parseIkeSuite(suite, context)),
      push: ikev1.push,
      ...(ikev1.users.length === 0 ? {} : { xauth: xauthOf(ikev1.chap, secrets) }),
    },
  }
}

function xauthOf(chap: boolean, { users, totp }: GatewaySecrets): XauthGatewayConfig {
  const codes = totp.size === 0 ? undefined : new TimedCodes(totp, () => Date.now())
  return { role: 'gateway', users, chap, ...(codes === undefined ? {} : { codes }) }
}

/** The addresses of the pool that are given out: not the network's own, not its broadcast address. */
export function poolRanges({ pool }: GatewaySettings): readonly PoolRange[] {
  return [pool.ipv4, pool.ipv6].map((text) => {
    const { startAddress, endAddress } = selectorOf(text)!
    const first = startAddress.slice()
    const last = endAddress.slice()
    if (parseCidr(text).bits < first.length * 8 - 1) {
      first[first.length - 1]! |= 1
      last[last.length - 1]! &= 0xfe
    }
    return { first: addressText(first), last: addressText(last) }
  })
}
