/** Numbers a standard gives (SPEC) and numbers we picked (CHOICE), apart. */
export const SPEC = {
  /** RFC 7296 §2.10 */
  nonceMin: 16,
  /** RFC 7296 §2.6 */
  cookieMax: 64,
  /** RFC 7296 §2.15 */
  keyPad: 'Key Pad for IKEv2',
  /** Redirects that may be followed within this time. RFC 5685 §7 */
  mostRedirects: 5,
  redirectPeriodMs: 300_000,
  ikePort: 500,
  /** RFC 3948 §2 */
  natTraversalPort: 4500,
  authSharedKey: 2,
} as const

export const CHOICE = {
  /** Octets of our nonces: as long as the longest PRF key we offer. */
  nonce: 32,
  /** The first answer is waited for this long, then twice as long each time. RFC 7296 §2.4 */
  firstMs: 500,
  /** The longest wait between two tries. */
  longestMs: 8_000,
  /** Tries of one request before the peer counts as gone. */
  tries: 7,
  /** Tries of IKE_SA_INIT before those that offer only what is old. */
  triesOfWholeOffer: 3,
  /** Tries of IKE_SA_INIT by UDP before a TCP connection is tried beside it, and those of a message of MOBIKE. RFC 9329 §5.1, §7.1 */
  triesBeforeTcp: 3,
  /** Tries to take up an IKE SA of before, ahead of a sign-in from the start. */
  triesOfResumption: 3,
  /** Waits for an answer to IKE_SA_INIT over TCP. */
  streamTries: 5,
  /** Tries of the first message from port 4500 before it is tried to begin there. */
  triesAfterFloat: 4,
  /** Rounds of COOKIE and INVALID_KE_PAYLOAD before we give up. */
  rounds: 5,
  /** How long an answer to our Delete is awaited when the user disconnects. */
  goodbyeMs: 3_000,
  /** How long the old SA of a rekey the peer began is kept if its Delete never comes. */
  lingerMs: 30_000,
  /** Wait after TEMPORARY_FAILURE. RFC 7296 §2.25 */
  temporaryFailureMs: 5_000,
  /** Wait after any other refusal of fresh keys. */
  refusedMs: 30_000,
  /** A peer that has refused fresh keys for this long has lost track of the SA: we start over. RFC 7296 §2.8, §2.25 */
  refusedLongestMs: 180_000,
  /** Packets sent with a replaced SA may arrive behind its Delete. */
  inboundLingerMs: 3_000,
  /** The part of an authentication lifetime that is left when we prove ourselves again, and the most of it. */
  reauthEarly: 0.2,
  reauthEarlyMostMs: 300_000,
  /** However short the lifetime, an IKE SA stands this long before the next. RFC 4478 §5 */
  reauthLeastMs: 10_000,
  /** As a responder: how long after the end of its lifetime a client may still come back. RFC 4478 §2 */
  reauthGraceMs: 30_000,
  /** Other addresses of a gateway that are remembered. RFC 4555 §3.6 */
  mostAddresses: 16,
  /** Octets of our ADDITIONAL_KEY_EXCHANGE, and how long a series of key exchanges may pause. RFC 9370 §2.2.4 */
  link: 16,
  seriesMs: 20_000,
  /** Octets of our COOKIE2. RFC 4555 §4.2.5 */
  cookie2: 16,
  /** How long a network may take to come up after a change, and the wait between two tries: the first, then twice as long each time. */
  moveMs: 60_000,
  moveAgainMs: 50,
  moveAgainLongestMs: 500,
  /** After a change the gateway's other addresses are tried when there was no way to that of now for this long, or it has not answered so many tries. RFC 4555 §3.6 */
  moveElsewhereMs: 1_000,
  triesOfOneAddress: 2,
  /** The wait before the second try to open a lost TCP connection again, doubled with each. RFC 9329 §6.1 */
  streamAgainMs: 500,
  /** CHILD_SAs of one peer that a responder keeps. */
  mostChildren: 8,
  /** Packets within this time: the tunnel is in use. */
  inUseMs: 10_000,
  /** A CHILD_SA we asked for again that the peer closes within this time is not wanted there. */
  shortLifeMs: 10_000,
  /** Our rekey times are moved by up to this part, so that both ends do not rekey at once. */
  jitter: 0.1,
  /**
   * Octets of the IP datagrams that fragments of a message go in: what every IPv6 link carries and nearly every
   * IPv4 path. RFC 7383 §2.5.1
   */
  datagramBytes: 1280,
  /** The same after {@link triesOfOneSize} in vain: what RFC 7383 §2.5.1 recommends where nothing is known. */
  smallDatagramBytes: 576,
  /** Tries of a request before it goes in smaller fragments. RFC 7383 §2.5.2 */
  triesOfOneSize: 3,
  /** How long a person is waited for when a gateway asks something: most gateways do not wait that long. */
  questionMs: 120_000,
  /** As a responder: half-open negotiations are forgotten after this time. */
  halfOpenMs: 30_000,
  /** The same once EAP has begun: a person may have to find a token. */
  eapOpenMs: 180_000,
  /** How long EAP may take without the time a person takes. */
  eapMs: 90_000,
  /** Fragments of one message we keep: twice what the largest message needs in 576-octet datagrams. */
  mostFragments: 256,
  /** Octets inside the fragments of one message: what an unfragmented one could hold. RFC 7296 §3.2 */
  mostContentBytes: 0xffff - 4,
  /** Fragments wait this long for the rest: about as long as our own requests wait. RFC 7383 §2.6 */
  reassemblyMs: 30_000,
} as const

/** Milliseconds to wait after the given try (1 is the first). */
export const waitAfter = (tries: number): number =>
  Math.min(CHOICE.firstMs * 2 ** (tries - 1), CHOICE.longestMs)
