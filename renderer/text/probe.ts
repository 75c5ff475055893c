import type { GatewayProbe, ProbeState } from '../../core/contract/probe.ts'

export const PROBE = {
  title: 'What the gateway accepts',
  hint: 'Asks it with a few messages, in IKEv2 and IKEv1, and signs in nowhere.',
  ask: 'Probe',
  running: 'Asking the gateway…',
  cancel: 'Cancel',
  use: 'Use these',
  used: 'These are the proposals of phase 1 now. Save keeps them.',
  nothing: 'It takes nothing this connection could offer.',
  silent:
    'Nobody answered there. Is the name right, and does the network here let UDP ports 500 and 4500 out?',
  unsigned: 'Nobody has signed these answers: take them for a hint, not for a proof.',
} as const

const STATES: Readonly<Record<ProbeState, string>> = {
  silent: 'no answer',
  refuses: 'answers, and takes nothing of what was tried',
  accepts: 'yes',
}

/** What it comes to, under the lines; `usable`: there are suites to take over, `used`: they were. */
export function probeSentence({ ikev2, ikev1 }: GatewayProbe, usable: boolean, used: boolean): string {
  if (ikev2.state === 'silent' && ikev1.state === 'silent') return PROBE.silent
  if (used) return PROBE.used
  return usable ? '' : PROBE.nothing
}

export interface ProbeRow {
  readonly what: string
  readonly value: string
  /** Names a machine compares. */
  readonly machine: boolean
}

/** A line for each kind of algorithm, under each version. */
export function probeRows({ ikev2, ikev1 }: GatewayProbe): readonly ProbeRow[] {
  const list = (what: string, values: readonly string[]): readonly ProbeRow[] =>
    values.length === 0 ? [] : [{ what, value: values.join(' '), machine: true }]
  return [
    { what: 'IKEv2', value: STATES[ikev2.state], machine: false },
    ...list('IKEv2 encryption', ikev2.encryption),
    ...list('IKEv2 integrity', ikev2.integrity),
    ...list('IKEv2 PRF', ikev2.prf),
    ...list('IKEv2 groups', ikev2.groups),
    { what: 'IKEv1', value: STATES[ikev1.state], machine: false },
    ...list('IKEv1 sign-in', ikev1.authentication),
    ...list('IKEv1 encryption', ikev1.encryption),
    ...list('IKEv1 hash', ikev1.hash),
    ...list('IKEv1 groups', ikev1.groups),
    ...(ikev1.state === 'accepts' && ikev1.aggressive
      ? [{ what: 'IKEv1 aggressive mode', value: 'yes', machine: false }]
      : []),
  ]
}

/** Sets of suites that have a name, for the menu of proposals. `own`: what is typed. */
export const SUITE_MENU = {
  phase1: 'Suites by name, phase 1',
  phase2: 'Suites by name, phase 2',
  own: 'My own, below',
  sets: [
    { name: 'default', label: 'Default: what is good today' },
    { name: 'strict', label: 'Strict: CNSA 2 and nothing less' },
    { name: 'compatible', label: 'Compatible: gateways of ten years' },
    { name: 'legacy', label: 'Legacy: gateways of twenty years, weak' },
  ],
} as const
