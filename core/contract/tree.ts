/** A part of a message, as it crosses to a face: everything in words. */
export interface TreeNode {
  readonly name: string
  /** In the words of the standard; empty for a group. */
  readonly value: string
  /** One plain sentence. */
  readonly says: string
  readonly reference: string
  /** What Wireshark calls it. */
  readonly wireshark?: string
  /** Which octets: a range of one of the tree's layers. */
  readonly layer: number
  readonly at: number
  readonly length: number
  /** What is wrong with it, or could not be done. */
  readonly remarks?: readonly string[]
  readonly children?: readonly TreeNode[]
}

/** A message taken apart. `layers[0]` is the message as it travelled; the others came out of decrypting and joining. */
export interface MessageTree {
  readonly layers: readonly { readonly name: string; readonly hex: string }[]
  readonly root: TreeNode
}
