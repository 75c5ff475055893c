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
  /** Of a message that offers algorithms or takes some. */
  readonly agreement?: Agreement
}

/** Algorithms one end offered, and which of them the other took. */
export interface Agreement {
  readonly answered: boolean
  readonly proposals: readonly {
    readonly title: string
    readonly taken: boolean
    readonly parts: readonly Offered[]
  }[]
}

export interface Offered {
  /** A kind of transform in IKEv2, a whole transform in IKEv1. */
  readonly name: string
  /** In IKEv2 one of these is wanted; in IKEv1 they belong together. */
  readonly offered: readonly string[]
  readonly taken: readonly string[]
}

/** Which messages fit a filter, or what is wrong with it. */
export type Finding =
  | {
      readonly ok: true
      readonly numbers: readonly number[]
      /** The number of the last message that was looked at. */
      readonly upTo: number
      /** Fields the filter asks for that no message has. */
      readonly unseen: readonly string[]
    }
  | { readonly ok: false; readonly problem: string; readonly at: number }
