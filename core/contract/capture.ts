/** A capture somebody opened, and how far it is read. */
export interface CaptureState {
  /** By which it is asked for. */
  readonly token: number
  /** Of its file. */
  readonly name: string
  /** Tables of keys that were opened with it. */
  readonly keys: number
  /** The addresses of the two ends, who spoke first in front. */
  readonly ends: readonly [string, string]
  readonly reading: boolean
  /** Packets read so far, IKE messages and ESP and AH packets among them that are shown, and packets of other things. */
  readonly packets: number
  readonly messages: number
  readonly other: number
  /** ESP and AH packets that are not shown, since there are so many of their SA. */
  readonly sampled: number
  /** There are more messages than can be shown. */
  readonly full: boolean
  /** Why no more of it could be read, a clause. */
  readonly problem?: string
}

/** The messages of a connection as files, as they cross to a face. */
export interface CaptureFiles {
  /** Base64. */
  readonly pcapng: string
  /** Messages in it. */
  readonly messages: number
  /** Wireshark's tables of keys by their names, where they were asked for: whoever has them reads the traffic. */
  readonly tables: Readonly<Record<string, string>>
  /** What Wireshark has no word for, a sentence each. */
  readonly leftOut: readonly string[]
}
