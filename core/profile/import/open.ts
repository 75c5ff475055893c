import { crc32 } from 'node:zlib'
import { armor, Decrypter } from 'age-encryption'
import { unzipSync } from 'fflate'
import { splitPem } from '../../cert/pem.ts'
import { VpnFailure } from '../../errors.ts'
import type { ImportFile } from './bundle.ts'
import { invalid } from './failure.ts'
import { kindOf } from './kinds.ts'
import { LIMITS } from './limits.ts'
import { openSigned, type Signer } from './syntax/cms.ts'

export interface Opened {
  readonly files: readonly ImportFile[]
  /** Who signed them, for people. */
  readonly signers: readonly string[]
  /** A file is sealed, and nobody gave the passphrase, or a wrong one. */
  readonly locked: 'no' | 'passphraseMissing' | 'passphraseWrong'
}

/**
 * Takes files out of what they are wrapped in: archives, signatures, and the sealed files that Culvert exports.
 * Throws `VpnFailure` (`profileInvalid`).
 */
export async function openContainers(
  given: readonly ImportFile[],
  passphrase: string | undefined,
): Promise<Opened> {
  const files: ImportFile[] = []
  const signers: string[] = []
  let locked: Opened['locked'] = 'no'
  for (const file of given.flatMap(unpacked)) {
    const kind = kindOrNone(file)
    if (kind === 'signed') {
      const { content, signers: found } = openSigned(withoutPem(file.bytes), file.name)
      files.push({ name: file.name, bytes: content })
      signers.push(...found.map(sentenceOf))
    } else if (kind === 'sealed' && passphrase === undefined) {
      locked = 'passphraseMissing'
    } else if (kind === 'sealed') {
      const bytes = await unsealed(file, passphrase ?? '')
      if (bytes === undefined) locked = 'passphraseWrong'
      else files.push({ name: file.name, bytes })
    } else files.push(file)
  }
  return { files, signers: [...new Set(signers)], locked }
}

const sentenceOf = ({ name, issuer, weak }: Signer): string =>
  `${name}, by a certificate of ${issuer}${weak ? '; signed with SHA-1, which can be forged' : ''}`

function kindOrNone(file: ImportFile) {
  try {
    return kindOf(file.bytes, file.name)
  } catch (thrown) {
    if (thrown instanceof VpnFailure) return undefined
    throw thrown
  }
}

/** The files of an archive, or the file itself. An archive in an archive stays closed. */
function unpacked(file: ImportFile): readonly ImportFile[] {
  if (kindOrNone(file) !== 'zip') return [file]
  let octets = 0
  let count = 0
  try {
    const found = unzipSync(file.bytes, {
      filter: ({ name, originalSize }) => {
        if (name.endsWith('/')) return false
        count += 1
        octets += originalSize
        if (count > LIMITS.bundleFiles)
          throw invalid({ file: file.name }, `it has more than ${LIMITS.bundleFiles} files`)
        if (originalSize > LIMITS.fileOctets || octets > LIMITS.bundleOctets) {
          throw invalid({ file: file.name, field: name }, 'it unpacks to more than any profile has')
        }
        return true
      },
    })
    const sums = zipChecksums(file.bytes)
    const files = Object.entries(found).map(([name, bytes]) => ({ name, bytes }))
    const wrong = files.find(({ bytes }, at) => crc32(bytes) !== sums[at])
    if (wrong !== undefined)
      throw invalid({ file: file.name, field: wrong.name }, 'this file in the archive is damaged')
    return files
  } catch (thrown) {
    if (thrown instanceof VpnFailure) throw thrown
    throw invalid(
      { file: file.name },
      'the archive is damaged, encrypted, or packed in a way Culvert does not know',
    )
  }
}

/**
 * The CRC-32 of every file in the central directory, which the library does not compare: octets of its entries are
 * fixed from 16 on, names from 46 on (APPNOTE §4.3.12). Folders are left out, as above.
 */
function zipChecksums(bytes: Uint8Array): readonly number[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = view.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  const sums: number[] = []
  let at = view.readUInt32LE(end + 16)
  for (let left = view.readUInt16LE(end + 10); left > 0; left -= 1) {
    const name = view.readUInt16LE(at + 28)
    if (view[at + 46 + name - 1] !== 0x2f) sums.push(view.readUInt32LE(at + 16))
    at += 46 + name + view.readUInt16LE(at + 30) + view.readUInt16LE(at + 32)
  }
  return sums
}

const withoutPem = (bytes: Uint8Array): Uint8Array =>
  bytes[0] === 0x30 ? bytes : (splitPem(Buffer.from(bytes).toString('latin1'))[0]?.der ?? bytes)

/** `undefined` where the passphrase is another one. */
async function unsealed(file: ImportFile, passphrase: string): Promise<Uint8Array | undefined> {
  const decrypter = new Decrypter()
  decrypter.addPassphrase(passphrase)
  try {
    const armored = file.bytes[0] === 0x2d
    return await decrypter.decrypt(
      armored ? armor.decode(Buffer.from(file.bytes).toString('latin1')) : file.bytes,
    )
  } catch (thrown) {
    // The library has no other way to tell it from damage.
    if (thrown instanceof Error && thrown.message.startsWith('no identity matched')) return undefined
    throw invalid({ file: file.name }, 'what is sealed in it is damaged')
  }
}
