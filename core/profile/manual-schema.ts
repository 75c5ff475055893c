import * as v from 'valibot'

/** 0 is nobody's, and the numbers to 255 are IANA's. RFC 4303 §2.1, RFC 4302 §2.4 */
const spi = v.pipe(
  v.string('a text such as 0x1001 is expected'),
  v.regex(/^0x[0-9a-f]{1,8}$/i, 'a number such as 0x1001 is expected'),
  v.check((text) => Number(text) > 255, 'SPIs up to 0xff are reserved'),
)
const spis = v.strictObject({ in: spi, out: spi })

/** Keys that a person gives to both ends: no phase 1, no fresh keys, nobody proves anything. RFC 4301 §4.5.1 */
export const manualSchema = v.strictObject({
  method: v.literal('manual'),
  /** Of ESP, one algorithm of a kind. */
  suite: v.optional(v.string('a text is expected'), 'aes256-sha256'),
  /** Of AH. */
  ahSuite: v.optional(v.string('a text is expected'), 'sha256'),
  /** By which packets are known, each way as seen from here. */
  spi: spis,
  /** Those of AH; left out: the same. */
  ahSpi: v.optional(spis),
})

export type ManualAuth = v.InferOutput<typeof manualSchema>
