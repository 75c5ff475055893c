import { type Answer, decode, encode, type Packet } from 'dns-packet'
import { addressBytes } from '../../bytes/address.ts'

/** What the gateway's name server knows: a few names of one domain, and the way back. */
export interface Zone {
  /** Small letters, no dot at the end. */
  readonly domain: string
  readonly ipv4: string
  readonly ipv6: string
}

const AUTHORITATIVE = 1 << 10
const RECURSION_DESIRED = 1 << 8
const NXDOMAIN = 3
const REFUSED = 5
const TTL_SECONDS = 60
/** RFC 1035 §2.3.4: a question over UDP without EDNS. */
const LONGEST_QUERY = 512

/** Hosts of the domain; `you` is whoever asks. */
const HOSTS = ['', 'www', 'gateway', 'dns'] as const

/**
 * The answer to one DNS query of a client with this address, or `undefined` for what is no query. RFC 1035 §4.1.
 * The domain, `www`, `gateway` and `dns` are the gateway; `you` is the client; the reverse of both is known.
 */
export function answerDns(zone: Zone, query: Uint8Array, client: string): Uint8Array | undefined {
  if (query.length > LONGEST_QUERY || !isOneQuestion(query)) return undefined
  let asked: Packet
  try {
    asked = decode(Buffer.from(query))
  } catch {
    return undefined
  }
  const [question] = asked.questions ?? []
  if (asked.type !== 'query' || question === undefined || asked.questions?.length !== 1) return undefined
  const name = question.name.toLowerCase()
  const known = namesOf(zone, client).filter((row) => row.name === name)
  const answers = known.filter(({ type }) => type === question.type || (question.type as string) === 'ANY')
  const ours = isInside(name, zone) || name.endsWith('.arpa')
  const code = known.length > 0 ? 0 : ours ? NXDOMAIN : REFUSED
  return new Uint8Array(
    encode({
      type: 'response',
      id: asked.id ?? 0,
      flags: AUTHORITATIVE | ((asked.flags ?? 0) & RECURSION_DESIRED) | code,
      questions: [question],
      answers: answers.map(
        ({ type, data }): Answer => ({ type, name: question.name, ttl: TTL_SECONDS, data }),
      ),
    }),
  )
}

/**
 * A query with one question, and at most EDNS beside it: RFC 1035 §4.1.1. The library believes the counts of the header
 * and makes room for 65535 records four times before it looks for the first.
 */
function isOneQuestion(query: Uint8Array): boolean {
  if (query.length < 12) return false
  const view = new DataView(query.buffer, query.byteOffset, 12)
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => view.getUint16(at))
  return (
    (view.getUint8(2) & 0xf8) === 0 &&
    questions === 1 &&
    answers === 0 &&
    authorities === 0 &&
    additionals! <= 1
  )
}

const isInside = (name: string, { domain }: Zone): boolean => name === domain || name.endsWith(`.${domain}`)

function namesOf({ domain, ipv4, ipv6 }: Zone, client: string) {
  const full = (host: string): string => (host === '' ? domain : `${host}.${domain}`)
  const addressed = (host: string, address: string) => ({
    name: full(host),
    type: address.includes(':') ? ('AAAA' as const) : ('A' as const),
    data: address,
  })
  return [
    ...HOSTS.flatMap((host) => [addressed(host, ipv4), addressed(host, ipv6)]),
    addressed('you', client),
    ...[ipv4, ipv6].map((one) => ({ name: reverse(one), type: 'PTR' as const, data: full('gateway') })),
    { name: reverse(client), type: 'PTR' as const, data: full('you') },
  ]
}

/** `1.0.77.10.in-addr.arpa`, RFC 1035 §3.5; nibbles under `ip6.arpa`, RFC 3596 §2.5. */
export function reverse(address: string): string {
  const octets = addressBytes(address)
  if (octets.length === 4) return `${[...octets].reverse().join('.')}.in-addr.arpa`
  const nibbles = Buffer.from(octets).toString('hex').split('').reverse()
  return `${nibbles.join('.')}.ip6.arpa`
}
