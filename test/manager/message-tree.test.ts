import { describe, expect, test } from 'vitest'
import { messageTree as explain } from '../../core/capture/explain.ts'
import { findMessages as find } from '../../core/capture/find.ts'
import type { TreeNode } from '../../core/contract/tree.ts'
import { dissect, type LoggedMessage } from '../../core/manager/message-log.ts'
import { expectSound, remarks } from '../inspect/trees.ts'
import { encr, GCM16, ke, prf, SHA256, X25519 } from '../support/bench.ts'
import { eapPair, PASSWORD } from '../support/eap-peers.ts'
import { kept } from '../support/kept.ts'
import { recorded } from '../support/recorded.ts'
import { connected, pair } from '../support/two-peers.ts'
import { connected as connectedV1 } from '../support/two-peers-v1.ts'

const messageTree = (log: readonly LoggedMessage[], number: number) => explain(kept(log), number)
const findMessages = (log: readonly LoggedMessage[], wanted: string) => find(kept(log), wanted)

function named(node: TreeNode, name: string): TreeNode | undefined {
  if (node.name === name) return node
  for (const child of node.children ?? []) {
    const found = named(child, name)
    if (found !== undefined) return found
  }
  return undefined
}

describe('messages of a live tunnel', () => {
  const log = recorded(connected().client)

  test('every one is taken apart without a fault, and what was encrypted is open', () => {
    expect(log.map(({ message }) => message.exchange)).toContain('IKE_AUTH')
    for (const { message } of log) {
      const tree = dissect(message)
      expect(remarks(tree)).toEqual([])
      expectSound(tree)
    }
    const { layers, root } = messageTree(log, 3)!
    expect(layers.map(({ name }) => name)).toEqual(['Message', 'Decrypted'])
    expect(named(root, 'Identification – Initiator')?.children?.at(-1)?.value).not.toBe('')
    expect(named(root, 'Auth Method')?.value).toBe('SHARED_KEY_MIC (2)')
  })

  test('RFC 7383 §2.5: of a message that went in fragments the octets behind its headers are not missed', () => {
    const auth = log[2]!
    const message = { ...auth.message, bytes: auth.message.bytes.subarray(0, 32), fragments: 3 }
    const tree = dissect(message)
    expect(remarks(tree)).toEqual([])
    expectSound(tree)
    const { root } = messageTree([{ ...auth, message }], auth.number)!
    expect(named(root, 'Decrypted payloads')?.children?.length).toBeGreaterThan(3)
  })

  test('one that made room for others is not there', () => {
    expect(messageTree(log, 99)).toBeUndefined()
  })
})

describe('what was offered, and what was taken', () => {
  const { client } = connected({ gateway: { ikeProposals: [[encr(GCM16, 128), prf(SHA256), ke(X25519)]] } })
  const log = recorded(client)
  const first = {
    answered: true,
    proposals: [
      {
        title: 'Proposal 1',
        taken: true,
        parts: [
          { name: 'ENCR', offered: ['ENCR_AES_GCM_16, 128 bits'], taken: ['ENCR_AES_GCM_16, 128 bits'] },
          { name: 'PRF', offered: ['PRF_HMAC_SHA2_256'], taken: ['PRF_HMAC_SHA2_256'] },
          { name: 'KE', offered: ['CURVE25519', 'ECP_256'], taken: ['CURVE25519'] },
        ],
      },
    ],
  }

  test('RFC 7296 §2.7: the same beside the offer and beside the answer', () => {
    expect(messageTree(log, 1)?.agreement).toEqual(first)
    expect(messageTree(log, 2)?.agreement).toEqual(first)
    expect(messageTree(log, 3)?.agreement?.proposals[0]).toMatchObject({ taken: true })
  })

  test('before there is an answer nothing is taken', () => {
    expect(messageTree(log.slice(0, 1), 1)?.agreement).toMatchObject({
      answered: false,
      proposals: [{ taken: false }],
    })
  })

  test('a gateway that wants none of it takes none', () => {
    const refused = pair({ gateway: { ikeProposals: [[encr(GCM16, 256), prf(SHA256), ke(X25519)]] } })
    refused.client.command('connect')
    refused.net.settle()
    expect(messageTree(recorded(refused.client), 1)?.agreement).toMatchObject({
      answered: true,
      proposals: [{ taken: false, parts: [{ taken: [] }, { taken: [] }, { taken: [] }] }],
    })
  })

  test('RFC 2408 §4.2: IKEv1 takes one whole transform', () => {
    const { agreement } = messageTree(recorded(connectedV1().client), 2)!
    const [proposal] = agreement!.proposals
    expect(proposal).toMatchObject({ taken: true })
    expect(proposal!.parts.filter(({ taken }) => taken.length > 0)).toHaveLength(1)
    expect(proposal!.parts[0]!.offered).toContain('HASH: SHA2_256')
  })

  test('a message about something else has no such thing', () => {
    expect(messageTree(recorded(connectedV1().client), 3)).not.toHaveProperty('agreement')
  })
})

describe('the filter box', () => {
  const made = eapPair({ methods: ['gtc'] })
  made.net.settle()
  const log = recorded(made.client)
  const found = async (wanted: string) => {
    const finding = await findMessages(log, wanted)
    return finding.ok ? finding.numbers : finding.problem
  }

  test("Wireshark's names find what travelled, and what was encrypted", async () => {
    expect(await found('isakmp.exchangetype == 34 and not isakmp.flag_r')).toEqual([1])
    expect(await found('isakmp.exchangetype == 34')).toEqual([1, 2])
    expect((await found('isakmp.id.type == 2')).length).toBeGreaterThan(0)
  })

  test('words find exchanges, payloads and values', async () => {
    expect(await found('ike_sa_init')).toEqual([1, 2])
    expect((await found('identification')).length).toBeGreaterThan(0)
    expect(await found('no such words')).toEqual([])
  })

  test('a field no message has is named', async () => {
    expect(await findMessages(log, 'isakmp.nosuch == 1')).toEqual({
      ok: true,
      numbers: [],
      unseen: ['isakmp.nosuch'],
      upTo: log.at(-1)!.number,
    })
  })

  test('a mistake is told, and where it is', async () => {
    expect(await findMessages(log, 'isakmp.flag_r ==')).toMatchObject({ ok: false, at: 16 })
  })

  test('a password is nothing anybody can look for', async () => {
    expect(await found(PASSWORD)).toEqual([])
  })
})
