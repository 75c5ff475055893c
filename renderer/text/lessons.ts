// The words around lessons; their own are in the pages of `docs/lessons`.

export const LESSONS = {
  title: 'Lessons',
  none: 'The lessons are not here.',
} as const

const NAMES: Readonly<Record<string, string>> = { ikev1: 'IKEv1', ikev2: 'IKEv2', ah: 'AH', esp: 'ESP' }

/** `esp-tunnel` → `Open the capture: ESP tunnel`. */
export const captureName = (name: string): string =>
  `Open the capture: ${name
    .split('-')
    .map((word) => NAMES[word] ?? word)
    .join(' ')}`
