/** Marks that take no column of a terminal, and characters that take two. Unicode Standard Annex #11 */
const NONE = /[\p{Mn}\p{Me}\p{Cf}]/u
const TWO =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u

/** How many columns of a terminal a text takes. */
export const columnsOf = (text: string): number =>
  [...text].reduce((sum, character) => sum + (NONE.test(character) ? 0 : TWO.test(character) ? 2 : 1), 0)

/** As `padEnd`, by columns. */
export const padColumns = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - columnsOf(text)))
