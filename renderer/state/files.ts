import { LARGEST_FILE } from '../../core/contract/limits.ts'

/** A file as it crosses to main. */
export interface NamedBytes {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** What `read` needs of a file of the page. */
export type PageFile = Pick<File, 'name' | 'size' | 'arrayBuffer'>

/** The octets of files somebody chose; a clause where one of them cannot be had. */
export async function octetsOf(
  files: readonly PageFile[],
  most: number,
): Promise<readonly NamedBytes[] | string> {
  if (files.length > most) return `these are ${files.length} files, and at most ${most} are read at once`
  const large = files.find(({ size }) => size > LARGEST_FILE)
  if (large !== undefined) return `${large.name} has ${large.size} octets, which is too much to be read`
  try {
    return await Promise.all(
      files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
    )
  } catch {
    return 'it cannot be read: it is a folder, or it may not be opened'
  }
}
