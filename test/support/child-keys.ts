import type { Secret } from '../../core/bytes/secret.ts'
import { type IpsecSa, spiOf } from '../../core/esp/engine.ts'
import type { AnyPeer } from './peer.ts'

/** The SAs that an end has handed to its datapath, in their order. */
export const installed = (peer: AnyPeer, direction: 'addInbound' | 'useOutbound'): readonly IpsecSa[] =>
  peer.actions.flatMap((action) => (action.do === direction ? [action.sa] : []))

const octets = (key: Secret | undefined): readonly number[] => key?.use((bytes) => [...bytes]) ?? []

/** An SA with its keys in the open, as the other end must have it too. */
export const bare = (sa: IpsecSa | undefined) => ({
  mode: sa?.mode,
  spi: sa === undefined ? undefined : spiOf(sa),
  esp:
    sa?.esp === undefined
      ? undefined
      : {
          ...sa.esp,
          encryptionKey: octets(sa.esp.encryptionKey),
          integrityKey: octets(sa.esp.integrityKey),
        },
  ah: sa?.ah === undefined ? undefined : { ...sa.ah, integrityKey: octets(sa.ah.integrityKey) },
})

/** What the one sends with last, and what the other takes last. */
export const lastSent = (peer: AnyPeer) => bare(installed(peer, 'useOutbound').at(-1))
export const lastTaken = (peer: AnyPeer) => bare(installed(peer, 'addInbound').at(-1))
