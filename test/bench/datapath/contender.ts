/** Something that carries packets between two namespaces, set up and ready. */
export interface Running {
  /** Where the clients of the measurements run, and where their servers do. */
  readonly client: string
  readonly server: string
  /** The server's address, through the tunnel. */
  readonly to: string
  /** Processes that carry the packets at either end; none: the kernel does. */
  readonly carriers?: { readonly client: number; readonly server: number }
  /** The two ends are not the same program. */
  readonly unlike?: true
  /** Resident memory of one end's datapath alone, where that can be told, in kB. */
  datapathKb?(): Promise<number>
  close(): Promise<void>
}

export interface Contender {
  readonly name: string
  /** Why it cannot run here. */
  readonly missing?: string
  open(): Promise<Running>
}
