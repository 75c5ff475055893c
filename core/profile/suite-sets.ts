import { DEFAULT_ESP_SUITES, DEFAULT_IKE_SUITES } from './suites.ts'

/** Suites under one name, which may stand wherever a suite may. */
export interface SuiteSet {
  /** For people. */
  readonly words: string
  readonly ike: readonly string[]
  readonly esp: readonly string[]
  /** Words that the name alone switches on. */
  readonly weak: readonly string[]
}

const OLD_GROUPS = 'ecp256-ecp384-modp2048-modp3072-modp4096'

export const SUITE_SETS = {
  strict: {
    words: 'Strict: AES-256 and SHA-384, P-384 with ML-KEM-1024, and nothing less (CNSA 2)',
    ike: ['aes256gcm16-prfsha384-ecp384-ke1_mlkem1024'],
    esp: ['aes256gcm16-ecp384-ke1_mlkem1024'],
    weak: [],
  },
  default: {
    words: 'What is good today, the best first',
    ike: DEFAULT_IKE_SUITES,
    esp: DEFAULT_ESP_SUITES,
    weak: [],
  },
  // Few, and what gateways of ten years know, so that the first message stays small and nothing in it is new.
  compatible: {
    words:
      'For gateways of ten years: AES with SHA-2, or SHA-1 where there is no other; groups from 2048 bits',
    ike: [
      `aes256-aes128-sha256-sha384-sha512-sha1-${OLD_GROUPS}`,
      `aes256gcm16-aes128gcm16-prfsha256-prfsha384-${OLD_GROUPS}`,
    ],
    esp: ['aes256-aes128-sha256-sha384-sha512-sha1', 'aes256gcm16-aes128gcm16'],
    weak: ['sha1'],
  },
  legacy: {
    words:
      'For gateways of twenty years: 3DES, SHA-1 and groups of 1024 bits, which a rich attacker can break',
    ike: ['aes256-aes128-3des-sha256-sha1-modp2048-modp1536-modp1024'],
    esp: ['aes256-aes128-3des-sha256-sha1'],
    weak: ['sha1', '3des', 'modp1536', 'modp1024'],
  },
} as const satisfies Readonly<Record<string, SuiteSet>>

export type SuiteSetName = keyof typeof SUITE_SETS

/** The set of this name; `undefined`: it is a suite, or nothing. */
export const suiteSet = (name: string): SuiteSet | undefined =>
  Object.hasOwn(SUITE_SETS, name) ? SUITE_SETS[name as SuiteSetName] : undefined

/** The list with what its names stand for in their places. */
export const withoutNames = (list: readonly string[], protocol: 'ike' | 'esp'): readonly string[] =>
  list.flatMap((one) => suiteSet(one)?.[protocol] ?? [one])

/** What is switched on: by `weak`, and by the names in a list. */
export const switchedOn = (list: readonly string[], weak: readonly string[]): readonly string[] => [
  ...new Set([...weak, ...list.flatMap((one) => suiteSet(one)?.weak ?? [])]),
]
