import { verifyChain } from '../cert/chain.ts'
import { signData } from '../cert/private-key.ts'
import type { ConnectionConfig } from './config.ts'
import type { Answer, IkeAction } from './session.ts'
import { ourProof } from './v2/proof.ts'

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
