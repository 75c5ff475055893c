import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeCertificate } from '../../core/cert/certificate.ts'
import { verifyChain } from '../../core/cert/chain.ts'
import { decodeRevocationList } from '../../core/cert/crl.ts'
import { readCertificates } from '../../core/cert/own-key.ts'
import { extraFile } from '../support/extra-vectors.ts'

/** No file may take longer: a peer that sends it would hold everybody up. Wide, because the machine is shared. */
const MOST_MS = 1_000

describe('seeds of strongSwan’s fuzzers: certificates and lists from everywhere, some of which crashed it once', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'culvert-corpora-'))
    writeFileSync(join(folder, 'corpora.tar.gz'), extraFile('captures/strongswan-fuzz/corpora.tar.gz'))
    execFileSync('tar', ['-xzf', join(folder, 'corpora.tar.gz'), '-C', folder])
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const filesOf = (kind: RegExp): [string, Uint8Array][] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && kind.test(join(entry.parentPath, entry.name).slice(folder.length)))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length), new Uint8Array(readFileSync(path))])

  const slow = (files: readonly [string, Uint8Array][], work: (octets: Uint8Array) => void): string[] =>
    files.flatMap(([path, octets]) => {
      const before = process.cpuUsage()
      work(octets)
      const { user, system } = process.cpuUsage(before)
      return user + system > MOST_MS * 1000 ? [path] : []
    })

  test('every certificate gives a value; the few that nobody damaged are read', () => {
    const files = filesOf(/cert/i)
    expect(files.length).toBeGreaterThan(300)
    let read = 0
    const tooSlow = slow(files, (octets) => {
      if (decodeCertificate(octets).ok || readCertificates(octets).ok) read++
      const question = { certificates: [octets], anchors: [], role: 'gateway', at: 0 } as const
      expect(verifyChain(question).ok).toBe(false)
    })
    expect(tooSlow).toEqual([])
    expect(read).toBeGreaterThan(25)
  })

  test('every list gives a value; the few that nobody damaged are read', () => {
    const files = filesOf(/crl/i)
    expect(files.length).toBeGreaterThan(200)
    let read = 0
    expect(
      slow(files, (octets) => {
        if (decodeRevocationList(octets).ok) read++
      }),
    ).toEqual([])
    expect(read).toBeGreaterThan(10)
  })
})
