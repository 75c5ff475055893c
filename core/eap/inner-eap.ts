import type { EapMethodName, EapPeerConfig } from './config.ts'
import { broken } from './method.ts'
import type { EapAction } from './peer.ts'
import type { InnerAction } from './tunnel.ts'

/** What runs inside a tunnel: TLS inside TLS is not spoken. */
export const INNER_METHODS: readonly EapMethodName[] = ['mschapv2', 'gtc', 'otp', 'md5']

/** The same person inside: with the real name, and with what may be spoken there. */
export function innerConfig(config: EapPeerConfig): EapPeerConfig {
  const { anonymousIdentity: _outer, ...rest } = config
  const methods = (config.inner ?? ['mschapv2']).filter((name) => INNER_METHODS.includes(name))
  return { ...rest, methods }
}

/** What the inner conversation wants, in the words of the tunnel; its good end is the caller's business. */
export function fromInner(
  actions: readonly EapAction[],
  wrap: (packet: Uint8Array) => Uint8Array,
): readonly InnerAction[] {
  return actions.flatMap((action): readonly InnerAction[] => {
    if (action.do === 'send') return [{ do: 'write', data: wrap(action.packet) }]
    if (action.do === 'failed') return [{ do: 'fail', error: action.error }]
    if (action.do === 'tls') return [broken('TLS inside TLS', 'RFC 5281 §11.2.1')]
    return action.do === 'succeeded' ? [] : [action]
  })
}
