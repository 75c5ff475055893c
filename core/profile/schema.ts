import { isIP } from 'node:net'
import * as v from 'valibot'
import { safeAlone } from '../eap/methods.ts'
import { VpnFailure } from '../errors.ts'
import { checkChild, childSchema, isHostToHost } from './child.ts'
import { parseIdentity } from './identity.ts'
import { checkManual, isManual } from './manual.ts'
import { isNetwork } from './networks.ts'
import { authSchema, eapSchema, gatewayAuthOf, gatewayAuthSchema, sessionSecrets } from './sign-in.ts'
import { switchedOn, withoutNames } from './suite-sets.ts'
import {
  DEFAULT_ESP_SUITES,
  DEFAULT_IKE_SUITES,
  insistsOnMore,
  isWeakWord,
  parseEspSuite,
  parseIkeSuite,
  weaknessOf,
} from './suites.ts'

/** What a profile says about the Diffie-Hellman of child rekeys and the rest is in RFC 7296's words where it has some. */
const seconds = (least: number) =>
  v.pipe(
    v.number('a number of seconds is expected'),
    v.integer('whole seconds are expected'),
    v.minValue(least, `at least ${least} seconds are needed`),
    v.maxValue(604_800, 'a week, 604800 seconds, is the most'),
  )
const text = v.pipe(
  v.string('a text is expected'),
  v.trim(),
  v.nonEmpty('it cannot be empty'),
  v.maxLength(255),
)
const network = v.pipe(text, v.check(isNetwork, 'a network such as 10.77.0.0/24 is expected'))
const address = v.pipe(
  text,
  v.check((value) => isIP(value) !== 0, 'a numeric address is expected'),
)
const suites = v.pipe(
  v.array(text, 'a list of suites is expected'),
  v.minLength(1, 'at least one suite is needed'),
)
const identity = v.pipe(
  text,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    const parsed = parseIdentity(dataset.value)
    if ('problem' in parsed) addIssue({ message: parsed.problem })
  }),
)
/** Label by label: one expression for the whole name would try every way to part it. */
const isHostName = (value: string): boolean =>
  value.length <= 253 &&
  value
    .replace(/\.$/, '')
    .split('.')
    .every((label) => /^[\p{L}\p{N}_](?:[\p{L}\p{N}_-]*[\p{L}\p{N}_])?$/u.test(label))

const host = v.pipe(
  text,
  v.check((value) => isIP(value) !== 0 || isHostName(value), 'a host name or a numeric address is expected'),
)
const weakWord = v.pipe(text, v.check(isWeakWord, 'this is not an algorithm Culvert knows'))

/** The gateway inside the program. `.test` is nobody's: RFC 2606 §2. */
export const DEMO_HOST = 'gateway.culvert.test'

export const PROFILE_FORMAT = 'culvert-profile'

/** A profile as it lies in its file, version 1. Every field that has a default may be left out. */
export const profileSchema = v.strictObject({
  format: v.literal(PROFILE_FORMAT, `"${PROFILE_FORMAT}" is expected`),
  version: v.literal(1, 'only version 1 is known to this Culvert; a newer one wrote this file'),
  /** Also the name of the file. */
  id: v.pipe(
    v.string(),
    v.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'small letters, digits and hyphens are expected'),
  ),
  name: v.pipe(text, v.maxLength(80)),
  /** Where it lies in lists, for people. */
  folder: v.optional(v.pipe(text, v.maxLength(80))),
  gateway: v.strictObject({ host }),
  ike: v.optional(
    v.strictObject({
      version: v.optional(v.picklist([1, 2, 'auto'], 'IKE version 1, 2 or "auto" is expected'), 2),
      /** With IKEv1: three messages instead of six, and identities in the clear. RFC 2409 §5 */
      aggressive: v.optional(v.boolean()),
      proposals: v.optional(suites, () => [...DEFAULT_IKE_SUITES]),
      rekeySeconds: v.optional(seconds(10), 14_400),
      /** Silence before we ask whether the gateway is alive; 0 never. */
      dpdSeconds: v.optional(seconds(0), 30),
      /** Large messages in fragments of IKE's own, where the gateway can. RFC 7383 */
      fragmentation: v.optional(v.boolean(), true),
      /** The tunnel follows this computer into another network, where the gateway can. RFC 4555 */
      mobike: v.optional(v.boolean(), true),
      /** What was interrupted is taken up again without another sign-in, where the gateway gives tickets. RFC 5723 */
      resumption: v.optional(v.boolean()),
      /** Follow a gateway that sends its clients on to another one. RFC 5685 */
      redirect: v.optional(v.boolean(), true),
      /** Everything over a TCP connection: where UDP does not get through (also left out), never, or always. RFC 9329 */
      tcp: v.optional(
        v.picklist(['fallback', 'never', 'always'], '"fallback", "never" or "always" is expected'),
      ),
      /** The gateway's port for that; left out: 4500. */
      tcpPort: v.optional(
        v.pipe(
          v.number(),
          v.integer(),
          v.minValue(1, 'a port is 1 to 65535'),
          v.maxValue(65_535, 'a port is 1 to 65535'),
        ),
      ),
      /** The first ESP SA by an exchange of its own. Left out: where it is to have fresh secrecy. RFC 6023 */
      childless: v.optional(v.boolean()),
    }),
    {},
  ),
  esp: v.optional(
    v.strictObject({
      proposals: v.optional(suites, () => [...DEFAULT_ESP_SUITES]),
      rekeySeconds: v.optional(seconds(10), 3600),
      /** A fresh key exchange at every rekey. Left out: where the suites name a group. */
      pfs: v.optional(v.boolean()),
    }),
    {},
  ),
  /** Left out: ESP in tunnel mode. */
  child: v.optional(childSchema),
  /** Who we are. Left out: whom our certificate names. */
  localId: v.optional(identity),
  /** Left out: any identity that knows the key; the host of the gateway where it has a certificate. */
  remoteId: v.optional(identity),
  auth: authSchema,
  /** What is asked of us besides, once `auth` was good. RFC 4739 */
  secondAuth: v.optional(eapSchema),
  /** Left out: by the key too where we have one, else by a certificate of an authority of the system. */
  gatewayAuth: v.optional(gatewayAuthSchema),
  /** Sign in with a name and a password after phase 1, which only IKEv1 has. draft-beaulieu-ike-xauth */
  xauth: v.optional(v.strictObject({ user: text })),
  /** A post-quantum pre-shared key; it is the secret `ppk`. RFC 8784 */
  ppk: v.optional(
    v.strictObject({
      /** Its name, as the gateway knows it. */
      id: text,
      /** No connection without it. */
      required: v.optional(v.boolean(), true),
    }),
  ),
  /** Inner addresses asked of the gateway. RFC 7296 §2.19 */
  requestAddresses: v.optional(
    v.strictObject({ ipv4: v.optional(v.boolean(), true), ipv6: v.optional(v.boolean(), true) }),
    {},
  ),
  /** Our own inner addresses, where none is asked for. */
  localSubnets: v.optional(v.array(network), () => []),
  /** Left out: everything the gateway allows. */
  remoteSubnets: v.optional(v.pipe(v.array(network), v.minLength(1, 'at least one network is needed'))),
  dns: v.optional(
    v.strictObject({
      /** Take the servers and domains the gateway gives. */
      fromGateway: v.optional(v.boolean(), true),
      servers: v.optional(v.array(address), () => []),
      search: v.optional(v.array(text), () => []),
    }),
    {},
  ),
  /** Octets of the largest inner packet; left out: what fits the way to the gateway. */
  mtu: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(576, 'at least 576'), v.maxValue(9000, 'at most 9000')),
  ),
  /** The local network keeps its usual way under a full tunnel. */
  allowLan: v.optional(v.boolean(), true),
  /** What belongs into the tunnel never goes another way: not while it is made, nor when it is lost. */
  killSwitch: v.optional(v.boolean()),
  /** The first packet that belongs into the tunnel opens it, and is kept until then. */
  onDemand: v.optional(v.boolean()),
  /** Nothing going through the tunnel for so long closes it. */
  idleSeconds: v.optional(seconds(1)),
  /** UDP encapsulation even where no NAT is found. */
  forceEncapsulation: v.optional(v.boolean(), true),
  /** Algorithms that need a switch, switched on by name. */
  weak: v.optional(v.array(weakWord), () => []),
})

export { authWords, gatewayAuthOf, sessionSecrets } from './sign-in.ts'

export type Profile = v.InferOutput<typeof profileSchema>
export type ProfileInput = v.InferInput<typeof profileSchema>

/** Names of the secrets this profile's sign-in needs from a person; the demo makes its own. */
export const secretNames = (profile: Profile): readonly string[] =>
  profile.gateway.host === DEMO_HOST ? [] : sessionSecrets(profile)

/** Where a value has fields that the schema does not know: the keys on the way there. */
export function unknownFields(value: unknown): readonly (readonly string[])[] {
  return unknownIn(profileSchema, value, [])
}

function unknownIn(schema: object, value: unknown, path: readonly string[]): (readonly string[])[] {
  const known = entriesOf(schema)
  if (known === undefined || typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const field = Object.hasOwn(known, key) ? known[key] : undefined
    return field === undefined ? [[...path, key]] : unknownIn(field, inner, [...path, key])
  })
}

/** The fields of an object, of one that may be left out, or of any of several. */
function entriesOf(schema: object): Readonly<Record<string, object>> | undefined {
  if ('entries' in schema) return schema.entries as Record<string, object>
  if ('wrapped' in schema) return entriesOf(schema.wrapped as object)
  if (!('options' in schema) || !Array.isArray(schema.options)) return undefined
  return Object.assign(
    {},
    ...schema.options.map((one: unknown) =>
      typeof one === 'object' && one !== null ? entriesOf(one) : undefined,
    ),
  )
}

/** One thing wrong with a profile. `field`: dotted path, empty for the whole file. */
export interface ProfileIssue {
  readonly field: string
  readonly problem: string
  /** The field is not known, which an importer may forgive. */
  readonly unknown: boolean
}

/** Reads a profile of our own format; every problem at once, so that a person can mend them in one go. */
export function readProfile(
  value: unknown,
):
  | { readonly ok: true; readonly profile: Profile }
  | { readonly ok: false; readonly issues: readonly ProfileIssue[] } {
  const result = v.safeParse(profileSchema, value)
  if (result.success) return { ok: true, profile: result.output }
  return { ok: false, issues: result.issues.map(asIssue) }
}

/** As {@link readProfile}, and the suites and families too; throws `VpnFailure` with the first problem. */
export function requireProfile(value: unknown, source: string): Profile {
  const result = readProfile(value)
  if (!result.ok) {
    const first = result.issues[0]
    throw invalid(source, first?.field ?? '', first?.problem ?? 'it cannot be read')
  }
  checkProfile(result.profile, source)
  return result.profile
}

/** What one field cannot know of another. Throws `VpnFailure` (`profileInvalid`, `weakAlgorithm`). */
export function checkProfile(profile: Profile, source: string): void {
  if (isManual(profile)) checkManual(profile, source)
  else checkNegotiated(profile, source)
  checkChild(profile, source)
  if (profile.onDemand === true && profile.killSwitch === true)
    throw invalid(source, 'killSwitch', 'with onDemand nothing is held back while the tunnel is made')
}

/** What IKE is told. */
function checkNegotiated(profile: Profile, source: string): void {
  const weak = profile.weak
  // Our own were judged when they were written: thousands of profiles have no others.
  const { ike, esp } = profile
  const ikeContext = { source, field: 'ike.proposals', weak: switchedOn(ike.proposals, weak) }
  for (const suite of others(withoutNames(ike.proposals, 'ike'), DEFAULT_IKE_SUITES)) {
    const offer = parseIkeSuite(suite, ikeContext)
    // Who holds back IKEv2 would be rid of them. RFC 9370 §5
    if (ike.version !== 2 && insistsOnMore(offer))
      throw invalid(
        source,
        'ike.version',
        `"${suite}" insists on more key exchanges, which only version 2 has`,
      )
  }
  for (const suite of others(withoutNames(esp.proposals, 'esp'), DEFAULT_ESP_SUITES)) {
    parseEspSuite(suite, { source, field: 'esp.proposals', weak: switchedOn(esp.proposals, weak) })
  }
  checkIkev1(profile, source)
  if (profile.localId === undefined && !namesItself(profile.auth)) {
    throw invalid(source, 'localId', 'it is missing: who are you to the gateway?')
  }
  if (gatewayAuthOf(profile).method === 'eap') {
    const { auth } = profile
    if (auth.method !== 'eap' || safeAlone(auth.methods).length < auth.methods.length) {
      const problem = 'EAP alone proves a gateway only with methods that prove both: tls, ttls and peap'
      throw invalid(source, 'gatewayAuth.method', problem)
    }
  }
  const { auth, secondAuth } = profile
  if (secondAuth !== undefined && auth.method === 'eap')
    throw invalid(source, 'secondAuth', 'it comes after a key or a certificate; EAP cannot come first')
  if (secondAuth?.methods.includes('tls') && auth.method === 'certificate')
    throw invalid(source, 'secondAuth.methods', 'a certificate is what comes first; tls would show another')
  const { ipv4, ipv6 } = profile.requestAddresses
  if (!ipv4 && !ipv6 && profile.localSubnets.length === 0 && !isHostToHost(profile)) {
    throw invalid(source, 'localSubnets', 'name your inner address here, or ask the gateway for one')
  }
}

/** What belongs to IKEv1 alone, and what IKEv1 cannot do. */
function checkIkev1({ ike, auth, secondAuth, gatewayAuth, xauth, weak, ppk }: Profile, source: string): void {
  const belongs = 'it belongs to IKEv1: "ike": { "version": 1 }'
  if (ike.version === 2) {
    if (xauth !== undefined) throw invalid(source, 'xauth', belongs)
    if (ike.aggressive === true) throw invalid(source, 'ike.aggressive', belongs)
    if (auth.method === 'xauth') throw invalid(source, 'auth.method', belongs)
    return
  }
  if (ike.tcp === 'always' && ike.version === 1)
    throw invalid(source, 'ike.tcp', 'IKEv1 has no TCP: "ike": { "version": 2 }')
  const noEap = 'IKEv1 has no EAP: "ike": { "version": 2 }'
  if (auth.method === 'eap') throw invalid(source, 'auth.method', noEap)
  if (secondAuth !== undefined) throw invalid(source, 'secondAuth', noEap)
  if (ppk?.required === true)
    throw invalid(source, 'ppk.required', 'IKEv1 has no such key: version 2 insists on it')
  if (ike.version === 'auto' && auth.method === 'xauth') throw invalid(source, 'auth.method', belongs)
  const theirs = gatewayAuthOf({ auth, gatewayAuth }).method
  if (auth.method === 'xauth' && xauth === undefined)
    throw invalid(source, 'xauth', 'it is missing: "xauth": { "user": "…" } says who signs in')
  if ((auth.method === 'psk') !== (theirs === 'psk'))
    throw invalid(source, 'gatewayAuth.method', 'with IKEv1 either both sign in by the key, or neither')
  if (ike.aggressive === true && theirs === 'psk' && !weak.includes('aggressivepsk')) {
    throw new VpnFailure({
      kind: 'weakAlgorithm',
      algorithm: 'aggressive mode with a pre-shared key',
      weakness: weaknessOf('aggressivepsk') ?? '',
      switch: '"weak": ["aggressivepsk"]',
    })
  }
}

const others = (suites: readonly string[], ours: readonly string[]): readonly string[] =>
  suites.filter((suite) => !ours.includes(suite))

/** Without a `localId` somebody is named all the same. */
const namesItself = (auth: Profile['auth']): boolean =>
  auth.method === 'certificate' ||
  auth.method === 'xauth' ||
  (auth.method === 'eap' && (auth.user !== undefined || auth.methods.includes('tls')))

function asIssue(issue: v.BaseIssue<unknown>): ProfileIssue {
  const field = v.getDotPath(issue) ?? ''
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    return { field, problem: 'this field is not known', unknown: true }
  }
  if (issue.received === 'undefined') return { field, problem: 'it is missing', unknown: false }
  if (issue.type === 'strict_object') return { field, problem: 'an object is expected', unknown: false }
  return { field, problem: wordsFor(issue), unknown: false }
}

/** Ours where the schema has its own, and the library's, which quote the value, never. */
function wordsFor({ message, type, expected }: v.BaseIssue<unknown>): string {
  if (!message.startsWith('Invalid ')) return message
  if (type === 'max_length') return `it is too long: ${expected?.replace('<=', 'at most ')} are expected`
  const kinds: Readonly<Record<string, string>> = {
    ...{
      string: 'a text',
      number: 'a number',
      boolean: 'true or false',
      Array: 'a list',
      Object: 'an object',
    },
  }
  const kind = kinds[expected ?? '']
  return kind === undefined ? `${expected} is expected` : `${kind} is expected`
}

const invalid = (source: string, field: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'profileInvalid', source, field, problem })
