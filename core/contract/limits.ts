/** Octets of one file and files at once that may cross to main. Ours: no honest profile is larger. */
export const LARGEST_FILE = 8 << 20
export const MOST_FILES = 500
