/** Octets of one file and files at once that may cross to main. Ours: no honest profile is larger. */
export const LARGEST_FILE = 8 << 20
export const MOST_FILES = 500
/** Files a certificate with its key may come in. Ours. */
export const MOST_KEY_FILES = 8
/** Characters of a secret. Ours: a private key in PEM is longer than any password, that of RSA with 16384 bits has 13,000. */
export const LONGEST_SECRET = 32_768
/** Questions of files that are answered at once. Ours: a form with more is none a person fills in. */
export const MOST_ANSWERS = 4096
/** Characters that the window may give to the clipboard at once. Ours: a fault with its advice is far shorter. */
export const MOST_COPIED = 10_000
