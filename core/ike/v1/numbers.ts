/** Numbers a standard gives (SPEC) and numbers we picked (CHOICE), apart. */
export const SPEC = {
  ikePort: 500,
  /** RFC 3947 §4 */
  natTraversalPort: 4500,
  /** What a lifetime of phase 2 is when nobody names one. RFC 2407 §4.5 */
  phase2Seconds: 28_800,
  /** The last group that peers number as IKEv2 does: Curve448. The registry of IKEv1 itself ends at 30. */
  lastGroup: 32,
  /** IDs of the IPsec DOI. RFC 2407 §4 */
  doi: 1,
  identityOnly: 1,
} as const

export const CHOICE = {
  /** Keys shorter than this are not out of reach of somebody who has seen what was made with them. */
  guessable: 20,
  /** Octets of our nonces: as long as the longest HMAC key we offer. */
  nonce: 32,
  /** What we offer where the profile does not renew phase 1 itself. RFC 2409 names no default. */
  phase1Seconds: 86_400,
  /** The first answer is waited for this long, then twice as long each time. RFC 2408 §5.1 */
  firstMs: 500,
  /** The longest wait between two tries. */
  longestMs: 8_000,
  /** Tries of one message before the peer counts as gone. */
  tries: 7,
  /** How often one connection is sent on to another gateway before that counts as a circle. */
  mostRedirects: 5,
  /** Tries of our proof: a gateway with another key answers nothing that we could read. */
  proofTries: 5,
  /** How long a refusal nobody signed is held back for a better answer. */
  doubtMs: 1_500,
  /** A responder forgets half-open negotiations after this time. */
  halfOpenMs: 30_000,
  /** The part of a lifetime after which we renew. */
  lifeShare: 0.9,
  /** Renewal is moved by up to this part, so that both ends do not renew at once. */
  jitter: 0.1,
  /** Replaced SAs are kept this long for packets that are late, then deleted. */
  lingerMs: 5_000,
  /** Replaced SAs of which the peer should say when they go are kept this long. */
  longLingerMs: 60_000,
  /**
   * After a quick mode of ours both ends may still send with the old pair for as long as the first of these. When the peer
   * still does after the second, it has no new one: strongSwan, which is slow to say its message again, has done it by then.
   */
  overlapMs: 1_000,
  takeoverMs: 6_000,
  /** Where nothing came at all that would tell, the old pair is kept this long. */
  unprovenLingerMs: 30_000,
  /** What should be renewed waits so long each time, and so many times, while phase 1 is being renewed. */
  afterPhase1Ms: 1_000,
  afterPhase1Tries: 4,
  /** Wait between two queries of dead peer detection, and how many of them go unanswered. RFC 3706 §5.5 */
  dpdRetryMs: 5_000,
  dpdTries: 4,
  /** ESP SAs that the peer closes after this time are asked for once more. */
  steadyMs: 10_000,
  /** After a renewal failed, we try again this much later. */
  retryMs: 30_000,
  /** How long the gateway has to begin its part: XAuth, or configuration. */
  gatewayTurnMs: 60_000,
  /** How long a person may take to answer a question, and how often a gateway may ask in one sign-in. */
  questionMs: 120_000,
  xauthRounds: 16,
  /** Exchanges that may be open at a time on one ISAKMP SA. */
  openExchanges: 32,
  /** Message IDs an ISAKMP SA remembers as used; then it takes no more and has to be renewed. */
  spentIds: 65_536,
  /** Octets of the IP datagrams that pieces of a message go in, where the configuration names none. */
  datagramBytes: 1280,
  /** Octets of them that are headers of IPv6, UDP, and the non-ESP marker. */
  datagramHeaders: 40 + 8 + 4,
  /** Pieces of one message, its octets, and how long we wait for the rest. */
  mostFragments: 128,
  mostMessageBytes: 0xffff,
  reassemblyMs: 30_000,
  /** Messages whose answer can be sent again. */
  answers: 64,
} as const

/** Milliseconds to wait after the given try (1 is the first). */
export const waitAfter = (tries: number): number =>
  Math.min(CHOICE.firstMs * 2 ** (tries - 1), CHOICE.longestMs)
