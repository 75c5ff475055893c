import { describe, expect, test } from 'vitest'
import type { TreeNode } from '../../core/contract/tree.ts'
import { dissect, messageTree } from '../../core/manager/message-tree.ts'
import { expectSound, remarks } from '../inspect/trees.ts'
import { connected } from '../support/two-peers.ts'

function named(node: TreeNode, name: string): TreeNode | undefined {
  if (node.name === name) return node
  for (const child of node.children ?? []) {
    const found = named(child, name)
    if (found !== undefined) return found
  }
  return undefined
}

describe('messages of a live tunnel', () => {
  const { client } = connected()
  const all = [...client.sent, ...client.got]

  test('every one is taken apart without a fault, and what was encrypted is open', () => {
    expect(all.map(({ exchange }) => exchange)).toContain('IKE_AUTH')
    for (const message of all) {
      const tree = dissect(message)
      expect(remarks(tree)).toEqual([])
      expectSound(tree)
    }
    const auth = all.find(({ exchange, response }) => exchange === 'IKE_AUTH' && !response)!
    const { layers, root } = messageTree(auth)
    expect(layers.map(({ name }) => name)).toEqual(['Message', 'Decrypted'])
    expect(named(root, 'Identification – Initiator')?.children?.at(-1)?.value).not.toBe('')
    expect(named(root, 'Auth Method')?.value).toBe('SHARED_KEY_MIC (2)')
  })

  test('RFC 7383 §2.5: of a message that went in fragments the octets behind its headers are not missed', () => {
    const auth = all.find(({ exchange, plaintext }) => exchange === 'IKE_AUTH' && plaintext !== undefined)!
    const whole = { ...auth, bytes: auth.bytes.subarray(0, 32), fragments: 3 }
    const tree = dissect(whole)
    expect(remarks(tree)).toEqual([])
    expectSound(tree)
    expect(named(messageTree(whole).root, 'Decrypted payloads')?.children?.length).toBeGreaterThan(3)
  })
})
