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
