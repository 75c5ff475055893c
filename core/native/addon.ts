/** The native part, as TypeScript sees it. Nothing else loads the binary. */
export interface NativeAddon {
  /** Version of the libcrypto inside, e.g. `OpenSSL 3.0.19 …`. */
  readonly cryptoVersion: string
  /** Version of the ipsec-mb inside, or why there is none to use. */
  readonly ipsecMbVersion: string

  // Primitives of the addon's own libcrypto. All throw on bad arguments only; a wrong ICV is `undefined`.
  aeadSeal(
    algorithm: AeadName,
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    plaintext: Uint8Array,
    tagBytes: number,
  ): Uint8Array
  aeadOpen(
    algorithm: AeadName,
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    ciphertext: Uint8Array,
    tagBytes: number,
  ): Uint8Array | undefined
  /** No padding: the caller's data is a multiple of the block, or the mode is a stream. `algorithm`: an OpenSSL name such as `camellia-128-cbc`. */
  cipher(algorithm: string, encrypt: boolean, key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array
  /** RFC 1320; for MS-CHAP alone. */
  md4(data: Uint8Array): Uint8Array
  /** For the change of a password by MS-CHAP alone. `key`: 1 … 256 octets. */
  rc4(key: Uint8Array, data: Uint8Array): Uint8Array
  /** One run of SHA-1's compression from its initial value over a block of 64 octets, without padding. → 20 octets */
  sha1Compress(block: Uint8Array): Uint8Array
  /** g^x mod p, left-padded to the length of p. `group`: IANA id of a MODP group. */
  modpPublic(group: number, exponent: Uint8Array): Uint8Array
  /** y^x mod p, left-padded; `undefined` unless 1 < y < p−1 (RFC 6989 §2.1). Constant time in the exponent. */
  modpShared(group: number, exponent: Uint8Array, peer: Uint8Array): Uint8Array | undefined
  /** `curve`: an OpenSSL name such as `brainpoolP256r1`; public values are x‖y. */
  ecPublic(curve: string, scalar: Uint8Array): Uint8Array
  ecShared(curve: string, scalar: Uint8Array, peer: Uint8Array): Uint8Array | undefined
  x448Public(scalar: Uint8Array): Uint8Array
  x448Shared(scalar: Uint8Array, peer: Uint8Array): Uint8Array | undefined

  // Descriptors.
  /** A connected pair of SOCK_SEQPACKET sockets, close-on-exec: `[ours, theirs]`. */
  socketpair(): readonly [number, number]
  /** Sends one message with descriptors (SCM_RIGHTS). Throws an `Error` with `code`. */
  sendMessage(fd: number, bytes: Uint8Array, fds: readonly number[]): void
  closeFd(fd: number): void
  /**
   * A UDP socket for any peer, on one numeric address: without the Don't Fragment bit, which Node has no word for.
   * Throws an `Error` with `code`.
   */
  bindUdp(address: string, port: number): number
  /**
   * A socket on which the kernel tells of every change of links and addresses; for {@link readPackets}. Throws an `Error`
   * with `code`.
   */
  watchNetwork(): number
  /** Numeric address and port of this end and the other end of a connected socket. */
  socketNames(fd: number): {
    readonly local: { address: string; port: number }
    readonly remote: { address: string; port: number }
  }
  /** Sends one datagram on a connected socket, or one packet to a TUN (whatever header its kernel wants before it); false when the kernel had no room (EAGAIN, ENOBUFS). Throws an `Error` with `code` otherwise. */
  writePacket(fd: number, packet: Uint8Array): boolean
  /**
   * Reads packets of `fd` (TUN, UDP or SEQPACKET) on a thread of its own and delivers them in batches on this
   * thread. `fds` holds descriptors that came along (SEQPACKET only). `error`: the code that ended it (`EOF` at the
   * other end's close); no calls after it. At most `maxQueued` batches wait; beyond that the reader pauses.
   */
  readPackets(
    fd: number,
    onPackets: (packets: readonly Uint8Array[], fds: readonly number[]) => void,
    onEnd: (error: string) => void,
  ): PacketReader

  /**
   * A datapath with these limits per SA: octets, packets, and numbers that ask for a rekey (0n: three quarters of what
   * there are), the last number ever used, and places in the replay window. `libcryptoOnly`: no faster code even where
   * there is some. `onLimit` says `end` for the last number.
   */
  openEsp(
    softBytes: bigint,
    softPackets: bigint,
    softSequence: bigint,
    hardSequence: bigint,
    replayWindow: number,
    libcryptoOnly: boolean,
    onIke: (message: Uint8Array, path: number) => void,
    onError: (where: EspErrorPlace, code: string) => void,
    onLimit: (spi: number, limit: 'bytes' | 'packets' | 'sequence' | 'end') => void,
  ): NativeEsp
}

/** The datapath of one tunnel, in native code. Selectors are 38 octets each: version (4 or 6), protocol, start and end port (2 octets each), start and end address (16 octets each, IPv4 in the first four). */
export interface NativeEsp {
  /** Takes copies of the keys. `integrity` is 0 with an AEAD, `encryption` with AH, whose length `boundary` divides (0: as usual). Throws `RangeError` for algorithms or key lengths it does not know. */
  addInbound(
    spi: number,
    encryption: number,
    keyBits: number,
    key: Uint8Array,
    integrity: number,
    integrityKey: Uint8Array,
    esn: boolean,
    local: Uint8Array,
    remote: Uint8Array,
    transport: boolean,
    boundary: 0 | 4 | 8,
  ): void
  useOutbound(
    child: string,
    spi: number,
    encryption: number,
    keyBits: number,
    key: Uint8Array,
    integrity: number,
    integrityKey: Uint8Array,
    esn: boolean,
    local: Uint8Array,
    remote: Uint8Array,
    transport: boolean,
    boundary: 0 | 4 | 8,
  ): void
  removeInbound(spi: number): void
  removeOutbound(spi: number): void
  inbound(spi: number): NativeInbound | undefined
  outbound(spi: number): (NativeUsed & { readonly sequence: bigint }) | undefined
  totals(): NativeTotals
  offloads(): NativeOffloads
  /** Carries this device's packets from now on. The descriptor stays the caller's, who closes it after `close`. */
  attachTun(fd: number): void
  /**
   * Talks through this connected socket from now on and owns it. `marked`: port 4500, where IKE wears four zero octets.
   * Addresses: 4 or 16 octets each, or none. `separately`: packets come one at a time, as transport mode needs it.
   */
  usePath(
    id: number,
    fd: number,
    marked: boolean,
    source: Uint8Array,
    destination: Uint8Array,
    separately: boolean,
  ): void
  /**
   * The same with a raw socket for one protocol of IP between these addresses. IKE has a socket of its own then, which is
   * not ours. `fd` -1: there is none, and packets pass by hand.
   */
  useRawPath(id: number, fd: number, protocol: 50 | 51, source: Uint8Array, destination: Uint8Array): void
  /** False when the kernel had no room, and on a raw path. Throws an `Error` with `code`. */
  sendIke(message: Uint8Array): boolean
  sendKeepalive(): boolean
  /** A packet by hand, while no device is attached, as the path carries it; from the SPI on where that does not. `undefined`: dropped, and counted. */
  fromTun(packet: Uint8Array): Uint8Array | undefined
  /** The same from the network, while neither a device nor a socket is attached; with its headers in IPv6 too. */
  fromNetwork(octets: Uint8Array): Uint8Array | undefined
  /** Ends the threads, wipes the keys, closes the socket. Nothing is called back afterwards; every other call throws. */
  close(): void
}

export interface NativeUsed {
  readonly bytes: number
  readonly packets: number
  /** Milliseconds since the last packet. */
  readonly idleMs: number | undefined
  /** Whose code computes: `ipsec-mb` or `libcrypto`. */
  readonly backend: string
}

/** What the kernel does for the datapath. Each may be turned off in mid-flight when it turns out that it can't. */
export interface NativeOffloads {
  /** Several packets of a flow are given to the device as one. */
  readonly tcp4: boolean
  readonly tcp6: boolean
  readonly udp: boolean
  /** Octets of the largest packets that leave several at a time (UDP_SEGMENT); 0: none do. */
  readonly largestSegment: number
  /** Several packets may come at a time (UDP_GRO). */
  readonly gathers: boolean
}

export interface NativeInbound extends NativeUsed {
  readonly replayed: number
  readonly failedIcv: number
  readonly malformed: number
  readonly selectorMismatch: number
}

export interface NativeTotals {
  readonly noSa: number
  readonly noSelector: number
  /** ESP packets given to the socket. */
  readonly sent: number
  /** ESP packets whose ICV was right. */
  readonly authentic: number
  /** Sealed, but the socket would not take them. */
  readonly unsent: number
  /** Opened, but the device would not take them. */
  readonly undelivered: number
  /** IKE datagrams that came faster than they were fetched. */
  readonly ikeDropped: number
}

export interface PacketReader {
  /** Stops the thread; the descriptor stays open. No callbacks afterwards. */
  stop(): void
}

/** Where the datapath met an error: the TUN device and the socket for good, `send` in passing. */
export type EspErrorPlace = 'tun' | 'path' | 'send'

export type AeadName =
  | 'aes-128-ccm'
  | 'aes-192-ccm'
  | 'aes-256-ccm'
  | 'aes-128-gcm'
  | 'aes-192-gcm'
  | 'aes-256-gcm'
  | 'chacha20-poly1305'
  | 'camellia-128-ccm'
  | 'camellia-192-ccm'
  | 'camellia-256-ccm'
