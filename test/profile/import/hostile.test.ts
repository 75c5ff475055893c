import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { VpnFailure } from '../../../core/errors.ts'
import { importFiles } from '../../../core/profile/import/import-files.ts'
import { CORPUS, filesAt, samplesIn } from '../../support/profile-corpus.ts'

type Verdict = 'imported' | 'refused'

/** Whatever the octets: profiles, or one error that names the file. Anything else fails the test. */
async function tryImport(name: string, bytes: Uint8Array): Promise<Verdict> {
  try {
    const { profiles } = await importFiles([{ name, bytes }])
    for (const { secrets } of profiles) for (const secret of secrets.values()) secret.close()
    return 'imported'
  } catch (thrown) {
    if (!(thrown instanceof VpnFailure)) throw thrown
    expect(thrown.error).toMatchObject({ kind: 'profileInvalid', source: name })
    return 'refused'
  }
}

const text = (content: string) => new Uint8Array(Buffer.from(content))

const single = samplesIn(CORPUS).filter((name) => !name.endsWith('.d'))

describe('truncated at every octet: a whole meaning or one error, never a crash', () => {
  test.each(single)('%s', async (name) => {
    const [file] = filesAt(join(CORPUS, name))
    if (file === undefined) return
    const step = file.bytes.length > 3000 ? 7 : 1
    for (let end = 0; end < file.bytes.length; end += step) {
      await tryImport(file.name, file.bytes.subarray(0, end))
    }
  })
})

describe('documents that must close are refused when cut', () => {
  test.each(single.filter((name) => /\.(sswan|mobileconfig|xml|onc)$/.test(name)))('%s', async (name) => {
    const [file] = filesAt(join(CORPUS, name))
    if (file === undefined) return
    const last = Buffer.from(file.bytes).toString('latin1').trimEnd().length
    for (const end of [last - 1, last >> 1, 20]) {
      expect(await tryImport(file.name, file.bytes.subarray(0, end)), `${end} octets`).toBe('refused')
    }
  })
})

describe('empty and foreign', () => {
  test.each([
    ['nothing', ''],
    ['blanks', ' \n\n\t'],
    ['prose', 'Dear all,\nplease connect to vpn.example.org.\n'],
    ['a program', '#!/bin/sh\nrm -rf /\n'],
    ['a picture', '\x89PNG\r\n\x1a\n\0\0\0\rIHDR'],
    ['zeros', '\0'.repeat(100)],
    ['UTF-16 with half a letter', '\xff\xfea\0b'],
  ])('%s', async (_, content) => {
    expect(await tryImport('x', new Uint8Array(Buffer.from(content, 'latin1')))).toBe('refused')
  })
})

const plist = (inner: string) => `<?xml version="1.0"?>\n<plist version="1.0">${inner}</plist>`
const laughs = Array.from({ length: 20 }, (_, at) => `<!ENTITY a${at + 1} "&a${at};&a${at};&a${at};">`).join(
  '',
)

describe('made to exhaust', () => {
  const deep = 100_000
  test.each([
    [
      'billion laughs in a plist',
      plist('<string>&a20;</string>').replace(
        '<plist',
        `<!DOCTYPE plist [<!ENTITY a0 "ha">${laughs}]><plist`,
      ),
    ],
    [
      'an external entity',
      `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><VPNProfile><NativeProfile><Servers>&e;</Servers></NativeProfile></VPNProfile>`,
    ],
    ['deep JSON', `${'{"remote":'.repeat(deep)}1${'}'.repeat(deep)}`],
    ['deep JSON arrays', `${'['.repeat(deep)}${']'.repeat(deep)}`],
    ['deep XML', plist(`${'<array>'.repeat(deep)}${'</array>'.repeat(deep)}`)],
    ['deep ProfileXML', `<VPNProfile>${'<a>'.repeat(deep)}${'</a>'.repeat(deep)}</VPNProfile>`],
    ['deep FortiClient', `<forticlient_configuration>${'<vpn>'.repeat(deep)}</forticlient_configuration>`],
    ['deep swanctl', `connections {\n${'a {\n'.repeat(deep)}`],
    ['many XML elements', plist(`<array>${'<true/>'.repeat(deep)}</array>`)],
    ['many JSON parts', `{"type":"ikev2-eap","x":[${'1,'.repeat(deep)}1]}`],
    ['many conns', Array.from({ length: 5000 }, (_, at) => `conn a${at}\n`).join('')],
    ['a long line', `conn a\n  right=${'x'.repeat(1_000_000)}\n`],
    ['many quotation marks', `{"type":"ikev2-eap",${'\\"'.repeat(500_000)}`],
    ['many comment marks', `<plist>${'<!--'.repeat(200_000)}`],
    ['many brackets', `connections {\n${'}{'.repeat(200_000)}`],
    ['many blank lines before nothing', '\n'.repeat(200_000)],
    ['a blank that is no blank to everybody', 'connections {\n a {\n \ufeff\u00a0 }\n'],
    ['a PowerShell text of marks', `Add-VpnConnection ${'$('.repeat(100_000)}`],
    ['a PowerShell text that never closes', `Add-VpnConnection -Name '${"''".repeat(100_000)}`],
  ])('%s', async (_, content) => {
    expect(await tryImport('x', text(content))).toBe('refused')
  })

  test('swanctl sections that inherit from each other in powers of two', async () => {
    const levels = Array.from({ length: 40 }, (_, at) => {
      const below = `s${at}`
      return `s${at + 1} {\n a : ${below} { }\n b : ${below} { }\n}\n`
    })
    const bomb = `s0 {\n x = 1\n}\n${levels.join('')}connections {\n c : s40 {\n remote_addrs = a\n }\n}\n`
    expect(await tryImport('x', text(bomb))).toBe('refused')
  })

  test('a binary plist whose objects are shared in powers of two, or hold themselves', async () => {
    expect(await tryImport('x', sharedPlist(40))).toBe('refused')
    expect(await tryImport('x', sharedPlist(0))).toBe('refused')
  })
})

/** Arrays of the next one twice; with 0 levels an array of itself. */
function sharedPlist(levels: number): Uint8Array {
  const objects = Array.from({ length: levels + 1 }, (_, at) => {
    const next = levels === 0 ? 0 : at + 1
    return at === levels && levels > 0 ? Uint8Array.of(0x09) : Uint8Array.of(0xa2, next, next)
  })
  const offsets: number[] = []
  let at = 8
  for (const object of objects) {
    offsets.push(at)
    at += object.length
  }
  const trailer = new Uint8Array(32)
  trailer.set([1, 1], 6)
  new DataView(trailer.buffer).setUint32(12, objects.length)
  new DataView(trailer.buffer).setUint32(28, at)
  return Buffer.concat([Buffer.from('bplist00'), ...objects, Uint8Array.from(offsets), trailer])
}

describe('twice is once too often', () => {
  test.each([
    ['.sswan', '{"uuid":"a","type":"ikev2-eap","uuid":"b"}', 'uuid (line 1)'],
    ['.mobileconfig', plist('<dict><key>a</key><true/>\n<key>a</key><true/></dict>'), 'a (line 3)'],
    ['keyfile', '[connection]\ntype=vpn\ntype=vpn\n', 'connection.type (line 3)'],
    ['.pcf', '[main]\nHost=a\nhost=b\nGroupName=c\n', 'main.host (line 3)'],
    ['vpnc.conf', 'IPSec gateway a\nIPSec gateway b\n', 'IPSec gateway (line 2)'],
    ['Shrew', 's:network-host:a\ns:network-host:b\n', 'network-host (line 2)'],
  ])('%s', async (_, content, field) => {
    await expect(importFiles([{ name: 'x', bytes: text(content) }])).rejects.toMatchObject({
      error: { kind: 'profileInvalid', source: 'x', field, problem: 'this key stands twice' },
    })
  })
})

describe('no secret is shown in an error', () => {
  test.each([
    ['JSON', '{"type":"ikev2-eap","local":{"shared_secret":"hush'],
    [
      'swanctl',
      'secrets {\n ike {\n secret = 0xhush\n }\n}\nconnections {\n a {\n remote_addrs = b\n local {\n auth = psk\n }\n }\n}\n',
    ],
    ['swanctl, a mark forgotten', 'connections {\n}\nsecrets {\n ike {\n hush with blanks\n }\n}\n'],
    ['Shrew', 's:network-host:a\nb:auth-mutual-psk:hush!\n'],
    ['keyfile', '[connection]\ntype=vpn\n[vpn-secrets]\nhush\n'],
  ])('%s', async (_, content) => {
    const thrown = await importFiles([{ name: 'x', bytes: text(content) }]).catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(VpnFailure)
    expect(JSON.stringify((thrown as VpnFailure).error)).not.toContain('hush')
  })
})
