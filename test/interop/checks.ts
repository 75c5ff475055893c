import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from './client.ts'
import { type GatewayLab, type LabEnv, run, setting } from './lab.ts'
import type { ExtraCheck } from './scenarios.ts'
import { silenceIn, streamIn } from './stream.ts'

/** Everything a check may look at. Each resolves with what is wrong, or an empty list. */
export interface Connected {
  readonly lab: GatewayLab
  readonly env: LabEnv
  readonly client: Client
  readonly nat: boolean
  /** What was measured, for the table. */
  remark(text: string): void
}

type Check = (connected: Connected) => Promise<readonly string[]>

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0

/** Replies missing from the summary line of `ping`; `undefined` when there is no such line. */
export function lostPings(summary: string): { readonly sent: number; readonly lost: number } | undefined {
  const match = /(\d+) packets transmitted, (\d+) received/.exec(summary)
  if (!match) return undefined
  const sent = Number(match[1])
  return { sent, lost: sent - Number(match[2]) }
}

/** 95 seconds with a child rekey every 20 and an IKE rekey every 40, five pings a second: none may be lost. */
const rekey: Check = async ({ lab, env, client }) => {
  const wrong: string[] = []
  const before = await lab.logs()
  const target = setting(env, 'LAB_INNER4')
  const { stdout } = await lab.call(
    'exec',
    lab.scenario,
    'ping',
    '-q',
    '-i',
    '0.2',
    '-c',
    '475',
    '-W',
    '2',
    target,
  )
  const pings = lostPings(stdout)
  if (!pings || pings.sent < 475) wrong.push(`ping did not run to its end: ${stdout.trim()}`)
  else if (pings.lost > 0) wrong.push(`${pings.lost} of ${pings.sent} pings lost during rekeying`)
  const log = (await lab.logs()).slice(before.length)
  const children = count(log, /CHILD_SA net\S* (?:.*)established/g)
  // IKEv1 has no renewal in place: a further phase 1 is established.
  const ikes = count(log, /IKE_SA lab\[\d+\] (?:rekeyed|established) between/g)
  if (children < 3) wrong.push(`the gateway counts ${children} child rekeys, 3 wanted`)
  if (ikes < 2) wrong.push(`the gateway counts ${ikes} IKE rekeys, 2 wanted`)
  const counts = await client.counts()
  if (counts && counts.childRekeys < 3) wrong.push(`the client counts ${counts.childRekeys} child rekeys`)
  if (counts && counts.ikeRekeys < 2) wrong.push(`the client counts ${counts.ikeRekeys} IKE rekeys`)
  if (counts && counts.children !== 1) wrong.push(`${counts.children} children are left, 1 wanted`)
  return wrong
}

/**
 * 75 seconds with a gateway that wants a proof every 40, five pings a second. One may be lost: the gateway sends with
 * the new SA as soon as it has answered, and a busy machine may not have read that answer yet.
 */
const reauth: Check = async ({ lab, env, client }) => {
  const wrong: string[] = []
  const before = await lab.logs()
  const ping = ['ping', '-q', '-i', '0.2', '-c', '375', '-W', '2', setting(env, 'LAB_INNER4')]
  const { stdout } = await lab.call('exec', lab.scenario, ...ping)
  const pings = lostPings(stdout)
  if (!pings || pings.sent < 375) wrong.push(`ping did not run to its end: ${stdout.trim()}`)
  else if (pings.lost > 1) wrong.push(`${pings.lost} of ${pings.sent} pings lost while proving itself again`)
  const log = (await lab.logs()).slice(before.length)
  const proofs = count(log, /IKE_SA lab\[\d+\] established between/g)
  if (proofs < 2) wrong.push(`the gateway counts ${proofs} further authentications, 2 wanted`)
  const counts = await client.counts()
  if (counts && counts.children !== 1) wrong.push(`${counts.children} children are left, 1 wanted`)
  return wrong
}

/** The gateway asks after 5 silent seconds; an answered question keeps the tunnel. */
const dpd: Check = async ({ lab }) => {
  await sleep(18_000)
  const asked = count(await lab.logs(), /sending DPD request/g)
  const missing = await lab.check()
  return [
    ...(asked < 2 ? [`the gateway asked ${asked} times in 18 s, 2 wanted`] : []),
    ...(missing ? [`after dead peer detection: ${missing}`] : []),
  ]
}

/** The gateway deletes the child after 15 idle seconds; the client must take it, and not die of it. */
const idle: Check = async ({ lab, client }) => {
  await sleep(25_000)
  const log = await lab.logs()
  const wrong: string[] = []
  if (!/inactivity/.test(log)) wrong.push('the gateway did not delete the child for inactivity')
  if (!/received DELETE for ESP CHILD_SA/.test(log)) wrong.push('the deletion of the child was not answered')
  const counts = await client.counts()
  if (counts?.connected && counts.children === 0) wrong.push('the client says connected without a child')
  return wrong
}

/** RFC 4555: the longest a tunnel may be without traffic when an address changes. */
const MOST_SILENT_MS = 1_000
/** Octets of the document that is on its way meanwhile, and how many a second. */
const TRANSFER = { bytes: 6_000_000, rate: '500k' }

/**
 * The address changes under fifty packets a second and a transfer, and changes back: the client's own, also behind a NAT,
 * or for `ikev2-rebind` that of the NAT. Nothing is without traffic longer than a second; what the sender stood still
 * itself, for want of a processor, is not the tunnel's. The transfer comes to its end.
 */
const move: Check = async ({ lab, env, nat, remark }) => {
  const whose = lab.scenario === 'ikev2-rebind' ? [] : ['client']
  const url = `http://${setting(env, 'LAB_INNER4')}/${TRANSFER.bytes}`
  const curl = ['curl', '-sS', '--limit-rate', TRANSFER.rate, '--max-time', '90', url]
  const count = ['sh', '-c', `${curl.join(' ')} | wc -c`]
  const transfer = lab.call('exec', lab.scenario, ...count)
  const stream = lab.call('stream', lab.scenario, '11')
  const moved: string[] = []
  for (const _ of ['there', 'back']) {
    await sleep(3_000)
    moved.push((await lab.must('move', lab.scenario, ...whose)).trim())
  }
  const packets = streamIn((await stream).stdout)
  const { ms, packets: lost, stoodMs } = silenceIn(packets)
  const octets = (await transfer).stdout.trim()
  const missing = await lab.check()
  if (missing === '') remark(`at most ${Math.round(ms)} ms without traffic`)
  const said = `${Math.round(ms)} ms without traffic (${lost} packets, the sender stood still for ${Math.round(stoodMs)} ms)`
  return [
    ...(packets.length < 550 ? [`the stream did not run to its end: ${packets.length} packets`] : []),
    ...(ms > MOST_SILENT_MS + stoodMs
      ? [`${said} with ${moved.join(', ')}${nat ? ' behind a NAT' : ''}`]
      : []),
    ...(octets === `${TRANSFER.bytes}` ? [] : [`the transfer ended after ${octets} octets`]),
    ...(missing ? [`after ${moved.join(', ')}: ${missing}`] : []),
  ]
}

/** The gateway sends the client on to its other address, where it is served again. */
const redirect: Check = async ({ lab, env }) => {
  const elsewhere = setting(env, 'LAB_GWB4')
  await lab.must('swanctl', lab.scenario, '--redirect', '--ike', 'lab', '--gateway', elsewhere)
  let missing = 'never tried'
  for (let tries = 0; tries < 10 && missing !== ''; tries++) {
    await sleep(1_000)
    missing = await lab.check()
  }
  const there = (await lab.must('sas', lab.scenario)).includes(elsewhere)
  return [
    ...(missing === '' ? [] : [`after the redirect: ${missing}`]),
    ...(there ? [] : [`the client is not at ${elsewhere}`]),
  ]
}

/** A gateway without MOBIKE: the connection is made anew from the new address. */
const reconnect: Check = async ({ lab, nat }) => {
  if (nat) return []
  for (const _ of ['there', 'back']) {
    const moved = (await lab.must('move', lab.scenario)).trim()
    let missing = 'never tried'
    for (let tries = 0; tries < 15 && missing !== ''; tries++) {
      await sleep(1_000)
      missing = await lab.check()
    }
    if (missing !== '') return [`after ${moved}: ${missing}`]
  }
  return []
}

/** Request and answer of IKE_AUTH went in fragments: what the gateway says of it. */
const fragments: Check = async ({ lab }) => {
  const log = await lab.logs()
  return [
    ...(/received fragment #1\b/.test(log) ? [] : ['the gateway got no fragment']),
    ...(/reassembled fragmented IKE message/.test(log)
      ? []
      : ['the gateway did not put our request together']),
    ...(/splitting IKE message/.test(log) ? [] : ['the gateway sent no fragment']),
  ]
}

const TAMPERED = 5

/** RFC 4303 §3.4.3, §3.4.4: what comes a second time, or is not what its check value says, is refused and counted. */
const tamper: Check = async ({ env, client }) => {
  const script = setting(env, 'LAB_TAMPER')
  const inNamespace = (namespace: string, ...command: string[]) =>
    run('ip', ['netns', 'exec', setting(env, namespace), ...command])
  const before = await client.counts()
  const [sent, pings] = await Promise.all([
    inNamespace('LAB_NS_WIRE', 'python3', script, 'port0', `${TAMPERED}`),
    inNamespace('LAB_NS_CLIENT', 'ping', '-c', '50', '-i', '0.2', '-W', '20', setting(env, 'LAB_FAR_END')),
  ])
  const after = await client.counts()
  if (sent.stdout.trim() !== `${TAMPERED}`)
    return [`nobody could tamper with a packet: ${sent.stderr.trim()}`]
  if (before === undefined || after === undefined) return []
  const replays = after.replays - before.replays
  const others = after.otherDrops - before.otherDrops
  const summary = lostPings(pings.stdout)
  return [
    ...(replays < TAMPERED ? [`${replays} of ${TAMPERED} repeated packets refused`] : []),
    ...(others < TAMPERED ? [`${others} of ${TAMPERED} changed packets refused`] : []),
    ...(/DUP!|duplicates/.test(pings.stdout) ? ['a repeated packet was taken'] : []),
    ...(summary === undefined || summary.lost > 0 ? [`pings beside that: ${pings.stdout.trim()}`] : []),
  ]
}

export const CHECKS: Readonly<Record<ExtraCheck, Check>> = {
  rekey,
  reauth,
  dpd,
  idle,
  fragments,
  move,
  reconnect,
  redirect,
  tamper,
}

/** Programs the runner itself needs. */
export async function missingPrograms(): Promise<readonly string[]> {
  const missing: string[] = []
  for (const [program, pack] of [
    ['ip', 'iproute2'],
    ['ping', 'iputils-ping'],
    ['nft', 'nftables'],
    ['ps', 'procps'],
  ] as const) {
    const { code } = await run('sh', ['-c', `command -v ${program}`])
    if (code !== 0) missing.push(pack)
  }
  return missing
}
