import { describe, expect, test } from 'vitest'
import { forge } from '../../core/cert/forge.ts'

/** The library's own, which is still there under its other name. */
const own = (forge as unknown as { pbkdf2: typeof forge.pkcs5.pbkdf2 }).pbkdf2

describe('PBKDF2 of the host', () => {
  // RFC 6070 §2
  test.each([
    [1, '0c60c80f961f0e71f3a9b524af6012062fe037a6'],
    [2, 'ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957'],
    [4096, '4b007901b765489abead49d926f721d065a429c1'],
  ])('RFC 6070 §2: %s rounds', (rounds, wanted) => {
    const key = forge.pkcs5.pbkdf2('password', 'salt', rounds, 20)
    expect(Buffer.from(key, 'latin1').toString('hex')).toBe(wanted)
  })

  test.each(['sha1', 'sha256', 'sha384', 'sha512'] as const)('%s gives what the library gives', (name) => {
    const hash = () => forge.md[name].create() as forge.md.MessageDigest
    const make = (derive: typeof own) => derive('pass\xff', 'salt\x00\x80', 7, 40, hash())
    expect(make(forge.pkcs5.pbkdf2)).toBe(make(own))
  })
})
