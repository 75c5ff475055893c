/** Numbers we picked: a hostile server costs bounded time and memory. */
export const CHOICE = {
  /** Packets of one conversation. TLS with long chains of certificates takes the most. */
  rounds: 120,
  /** Times we say who we are. */
  identities: 4,
  /** Messages of the server that are passed on to a person. */
  notifications: 8,
  /** Methods we decline. */
  naks: 5,
  /** Times a person may type a secret anew. */
  passwordTries: 3,
  /** Characters of a server's text that are shown. */
  textLength: 300,
  /** Octets of one EAP packet of ours that carries a part of a TLS message. */
  fragmentBytes: 1300,
  /** Octets of one TLS message, whoever sends it. */
  tlsMessageBytes: 65_536,
} as const
