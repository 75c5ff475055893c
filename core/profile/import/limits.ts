/** What a file may cost before anything in it is believed. All ours: honest files stay far below. */
export const LIMITS = {
  /** Octets of one file, and of everything a folder or an archive unpacks to. */
  fileOctets: 8 << 20,
  bundleOctets: 32 << 20,
  bundleFiles: 500,
  /** Brackets in brackets, elements in elements, files that name files. */
  depth: 32,
  /** Keys, elements, lines that say something. */
  items: 50_000,
  /** Connections of one file. */
  connections: 500,
  /** Characters of one value that is no certificate. */
  textLength: 16_384,
} as const
