import { utf8 } from '../bytes/octets.ts'
import { type ChainQuestion, type ChainVerdict, verifyChain } from '../cert/chain.ts'
import { certificateHas, namesOf } from '../cert/identity.ts'
import { signData } from '../cert/private-key.ts'
import type { TlsJudge } from '../crypto/platform-tls.ts'
import { IdType } from '../iana/ikev2.ts'
import type { CertificateTrust, ConnectionConfig, Identity, OurEap, TheirEap } from './config.ts'
import type { Answer, IkeAction } from './session.ts'
import { describeIdentity } from './v2/negotiation.ts'
import { ourProof, trustQuestion } from './v2/proof.ts'

type Asking = Extract<IkeAction, { do: 'sign' | 'verifyChain' }>

/** What this computer itself can answer: it has the key, and `at` is its wall clock in milliseconds. Never throws. */
export function answerTo(
  action: Asking,
  authenticating: Pick<ConnectionConfig, 'authentication'>,
  at: number,
): Answer {
  if (action.do === 'verifyChain') {
    return { what: 'chain', verdict: verifyChain({ ...action.question, at }) }
  }
  const ours = ourProof(authenticating)
  if (ours.method !== 'certificate') return undefined
  try {
    const { scheme, raw } = action.form
    return { what: 'signature', signature: signData(ours.key, scheme, action.octets, raw) }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return {
      what: 'failed',
      error: {
        kind: 'authFailed',
        who: 'us',
        method: 'certificate',
        problem: `our key does not sign: ${problem}`,
      },
    }
  }
}

/** Who judges the certificate of the server of TLS inside EAP, before anything of ours reaches it. `at`: wall clock in milliseconds. */
export function tlsJudge(n: TlsParty, at: number, verify: Verify = verifyChain): TlsJudge {
  const { authentication } = n
  if (authentication.method !== 'each') return judgeBy(undefined, undefined, 'gateway', at)
  const clients = theirEapOf(authentication)
  if (clients !== undefined) return judgeBy(clients.clients, identityOfName(n.eapClaim), 'client', at)
  const trust = ourEapOf(authentication)?.server
  return judgeBy(trust, trust?.identity, 'gateway', at, verify)
}

/** How a chain is judged: at once, or by asking others too. */
type Verify = (question: ChainQuestion) => ChainVerdict | Promise<ChainVerdict>

type TlsParty = Pick<ConnectionConfig, 'authentication'> & {
  /** As a responder: whom the client says it is in EAP. */
  readonly eapClaim?: string | undefined
}
type Each = Extract<ConnectionConfig['authentication'], { method: 'each' }>

const theirEapOf = ({ theirs, theirsThen }: Each): TheirEap | undefined =>
  theirs.method === 'eap' ? theirs : theirsThen

/** Whom a certificate has to speak for, where EAP gives a name. RFC 5216 §5.2 */
const identityOfName = (name: string | undefined): Identity | undefined =>
  name === undefined || name === ''
    ? undefined
    : { type: name.includes('@') ? IdType.ID_RFC822_ADDR.id : IdType.ID_FQDN.id, data: utf8(name) }

const ourEapOf = ({ ours, oursThen }: Each): OurEap | undefined =>
  ours.method === 'eap' ? ours : oursThen?.proof

/** `wanted`: whom the certificate has to speak for. */
export function judgeBy(
  trust: CertificateTrust | undefined,
  wanted: Identity | undefined,
  role: 'gateway' | 'client',
  at: number,
  verify: Verify = verifyChain,
): TlsJudge {
  return async (certificates) => {
    if (trust === undefined || wanted === undefined)
      return { kind: 'internal', problem: 'nobody said whose certificates to believe in TLS' }
    const verdict = await verify({ ...trustQuestion(trust, certificates, role), at })
    if (!verdict.ok) {
      const { certificate: subject, rule, problem } = verdict.problem
      return { kind: 'certificateRefused', subject, rule, problem }
    }
    const [own] = verdict.chain
    if (own === undefined) return { kind: 'internal', problem: 'a chain without a certificate' }
    return certificateHas(own, wanted, { commonName: trust.commonName })
      ? undefined
      : { kind: 'gatewayIdMismatch', wanted: describeIdentity(wanted), has: namesOf(own) }
  }
}
