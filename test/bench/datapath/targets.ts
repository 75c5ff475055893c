import { type Summary, summarize } from '../statistics.ts'
import type { Figures } from './measure.ts'

/** All rounds of each contender by name. */
export type Results = ReadonlyMap<string, readonly Figures[]>

export type FigureName = keyof Figures

/** Median and range over the rounds that have the figure. */
export function summaryOf(results: Results, name: string, figure: FigureName): Summary | undefined {
  const list = (results.get(name) ?? []).map((round) => round[figure]).filter((value) => value !== undefined)
  return list.length === 0 ? undefined : summarize(list)
}

export interface Target {
  readonly text: string
  /** `undefined`: something it compares was not measured. */
  readonly value: number | undefined
  readonly bound: number
  readonly wants: 'at least' | 'at most'
  /** A ratio holds on every machine; other figures are of the machine they were measured on. */
  readonly ratio: boolean
}

export const holds = ({ value, bound, wants }: Target): boolean | undefined =>
  value === undefined ? undefined : wants === 'at least' ? value >= bound : value <= bound

export const NAMES = {
  veth: 'plain veth',
  ours: 'Culvert AES-128-GCM',
  bySoftware: 'Culvert, cut by software',
  without: 'Culvert, no crypto',
  libipsec: 'strongSwan libipsec',
  toStrongswan: 'Culvert to strongSwan',
  openvpn: 'OpenVPN, AES-256-GCM',
  wireguard: 'wireguard-go, Debian',
  newWireguard: 'wireguard-go, newer',
} as const

/** What Culvert promises about its datapath. */
export function targets(results: Results): readonly Target[] {
  const median = (name: string, figure: FigureName) => summaryOf(results, name, figure)?.median
  const ratio = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? undefined : a / b
  const difference = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? undefined : a - b
  const { veth, ours, without, libipsec, toStrongswan, openvpn, wireguard, newWireguard, bySoftware } = NAMES
  const best = [openvpn, wireguard, newWireguard]
    .map((name) => median(name, 'up'))
    .filter((value) => value !== undefined)
  const bestOther = best.length === 0 ? undefined : Math.max(...best)
  const wants = (
    text: string,
    value: number | undefined,
    wants: Target['wants'],
    bound: number,
    ratio = true,
  ): Target => ({ text, value, bound, wants, ratio })
  return [
    wants('one stream : plain veth', ratio(median(ours, 'up'), median(veth, 'up')), 'at least', 0.5),
    wants('one stream : libipsec', ratio(median(ours, 'up'), median(libipsec, 'up')), 'at least', 8),
    wants('one stream : best other peer', ratio(median(ours, 'up'), bestOther), 'at least', 3),
    ...(['sender', 'receiver'] as const).flatMap((end) => [
      wants(`${end}'s CPU : no crypto`, ratio(median(ours, end), median(without, end)), 'at most', 1.2),
      wants(`${end}'s CPU : wireguard-go`, ratio(median(ours, end), median(wireguard, end)), 'at most', 0.35),
    ]),
    wants(
      'sent again per GB to a strongSwan gateway : by libipsec',
      ratio(median(toStrongswan, 'again'), median(libipsec, 'again')),
      'at most',
      1,
    ),
    wants("sender's CPU-s/GB", median(ours, 'sender'), 'at most', 0.55, false),
    wants("receiver's CPU-s/GB", median(ours, 'receiver'), 'at most', 0.45, false),
    wants("sender's CPU-s/GB, cut by software", median(bySoftware, 'sender'), 'at most', 1.1, false),
    wants("receiver's CPU-s/GB, cut by software", median(bySoftware, 'receiver'), 'at most', 1.1, false),
    wants(
      'idle round trip added, µs',
      difference(median(ours, 'idle'), median(veth, 'idle')),
      'at most',
      25,
      false,
    ),
    wants('datapath memory, kB', median(ours, 'datapathKb'), 'at most', 8192, false),
  ]
}
