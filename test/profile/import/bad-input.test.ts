import { describe, expect, test } from 'vitest'
import { VpnFailure } from '../../../core/errors.ts'
import { importFiles } from '../../../core/profile/import/import-files.ts'
import { LIMITS } from '../../../core/profile/import/limits.ts'

/** What goes wrong in one kind of file: a piece of it, and what stands there instead. */
interface Change {
  readonly from: string
  readonly to: string
}

interface Format {
  /** A whole file that imports. */
  readonly good: string
  /** A key of it twice. */
  readonly twice: Change
  /** The program itself takes one of them: `first` or `last`. Left out: it cannot be meant. */
  readonly again?: 'first' | 'last'
  /** A value that is of another type, or none of those there are. */
  readonly type: Change
  /** What should be Base64, or hex, and is not; left out where the format has none. */
  readonly base64?: Change
  /** Where the file may grow: one more of what it has many of. */
  readonly more: (filling: string) => Change
}

const FORMATS: Readonly<Record<string, Format>> = {
  'own JSON': {
    good: '{"name": "Office", "gateway": {"host": "vpn.example.org"}, "localId": "a@example.org", "auth": {"method": "psk"}}',
    twice: { from: '"name"', to: '"name": "x", "name"' },
    type: { from: '"name": "Office"', to: '"name": "Office", "mtu": "wide"' },
    more: (filling) => ({ from: '"Office"', to: JSON.stringify(`Office${filling}`) }),
  },
  '.sswan': {
    good: `{"uuid": "5d1c9b1e-6a1f-4f0c-8f52-0f3c6c1b7a10", "name": "a", "type": "ikev2-eap",
      "remote": {"addr": "vpn.example.org"}, "local": {"eap_id": "alice"}}`,
    twice: { from: '"name"', to: '"name": "x", "name"' },
    type: { from: '"name": "a"', to: '"name": "a", "mtu": "wide"' },
    base64: { from: '"addr"', to: '"cert": "hush!", "addr"' },
    more: (filling) => ({ from: '"name": "a"', to: `"name": "a", "note": ${JSON.stringify(filling)}` }),
  },
  '.mobileconfig': {
    good: `<?xml version="1.0"?><plist version="1.0"><dict>
<key>PayloadType</key><string>Configuration</string>
<key>PayloadContent</key><array><dict>
<key>PayloadType</key><string>com.apple.vpn.managed</string>
<key>UserDefinedName</key><string>a</string>
<key>VPNType</key><string>IPSec</string>
<key>IPSec</key><dict>
<key>RemoteAddress</key><string>vpn.example.org</string>
<key>LocalIdentifier</key><string>staff</string>
<key>SharedSecret</key><data>aHVzaA==</data>
</dict></dict></array></dict></plist>`,
    twice: {
      from: '<key>LocalIdentifier</key>',
      to: '<key>LocalIdentifier</key><string>x</string>\n<key>LocalIdentifier</key>',
    },
    type: { from: '<string>vpn.example.org</string>', to: '<array/>' },
    base64: { from: 'aHVzaA==', to: 'hush!' },
    more: (filling) => ({ from: '<string>a<', to: `<string>a${filling}<` }),
  },
  'swanctl.conf': {
    good: `connections { a {
  version = 2
  remote_addrs = vpn.example.org
  vips = 0.0.0.0
  local { auth = psk
    id = alice }
  remote { auth = psk } } }
secrets { ike { secret = 0saHVzaA== } }`,
    twice: { from: 'version = 2', to: 'version = 1\nversion = 2' },
    again: 'last',
    type: { from: 'version = 2', to: 'version = two' },
    base64: { from: 'aHVzaA==', to: 'hush!' },
    more: (filling) => ({ from: 'vips =', to: `# ${filling}\nvips =` }),
  },
  'ipsec.conf': {
    good: `conn a
  keyexchange=ikev2
  left=%defaultroute
  leftsourceip=%config
  leftid=alice
  authby=secret
  right=vpn.example.org
`,
    twice: { from: 'leftid=alice', to: 'leftid=x\n  leftid=alice' },
    again: 'last',
    type: { from: 'keyexchange=ikev2', to: 'keyexchange=ikev9' },
    more: (filling) => ({ from: 'conn a', to: `# ${filling}\nconn a` }),
  },
  keyfile: {
    good: `[connection]
id=a
type=vpn

[vpn]
address=vpn.example.org
local-identity=alice
method=psk
virtual=yes
service-type=org.freedesktop.NetworkManager.strongswan
`,
    twice: { from: 'method=psk', to: 'method=eap\nmethod=psk' },
    type: { from: 'method=psk', to: 'method=magic' },
    more: (filling) => ({ from: 'id=a', to: `# ${filling}\nid=a` }),
  },
  '.pcf': {
    good: `[main]
Host=vpn.example.org
AuthType=1
GroupName=staff
enc_GroupPwd=
Username=alice
`,
    twice: { from: 'AuthType=1', to: 'AuthType=3\nauthtype=1' },
    type: { from: 'AuthType=1', to: 'AuthType=magic' },
    base64: { from: 'enc_GroupPwd=', to: 'enc_GroupPwd=hush!' },
    more: (filling) => ({ from: '[main]', to: `[main]\nDescription=a\n;${filling}` }),
  },
  'vpnc.conf': {
    good: `IPSec gateway vpn.example.org
IPSec ID staff
Xauth username alice
IKE DH Group dh2
`,
    twice: { from: 'IPSec ID staff', to: 'IPSec ID x\nIPSec ID staff' },
    type: { from: 'dh2', to: 'big' },
    base64: { from: 'Xauth username', to: 'IPSec obfuscated secret hush!\nXauth username' },
    more: (filling) => ({ from: 'IPSec ID', to: `# ${filling}\nIPSec ID` }),
  },
  'Shrew .vpn': {
    good: `n:version:4
s:network-host:vpn.example.org
s:auth-method:mutual-psk
b:auth-mutual-psk:aHVzaA==
s:ident-client-type:fqdn
s:ident-client-data:alice
s:phase1-exchange:main
`,
    twice: { from: 'n:version:4', to: 'n:version:3\nn:version:4' },
    type: { from: 'n:version:4', to: 'n:version:4\nn:network-mtu-size:wide' },
    base64: { from: 'aHVzaA==', to: 'hush!' },
    more: (filling) => ({ from: 'n:version:4', to: `n:version:4\ns:client-banner:${filling}` }),
  },
  'rasphone.pbk': {
    good: `[Corp]
Type=2
VpnStrategy=7
AuthRestrictions=128
CustomAuthKey=26
NumCustomPolicy=1
CustomIPSecPolicies=020000000600000005000000080000000500000000000000

DEVICE=vpn
PhoneNumber=vpn.example.net
`,
    twice: { from: 'VpnStrategy=7', to: 'VpnStrategy=7\nVpnStrategy=3' },
    again: 'first',
    type: { from: 'VpnStrategy=7', to: 'VpnStrategy=seven' },
    base64: { from: '0200000006', to: 'hush!00006' },
    more: (filling) => ({ from: 'Type=2', to: `Type=2\nIpDnsSuffix=${filling}` }),
  },
  PowerShell: {
    good: `Add-VpnConnection -Name 'Corp' -ServerAddress "vpn.example.net" -TunnelType Ikev2 -AuthenticationMethod MachineCertificate
Set-VpnConnectionIPsecConfiguration -ConnectionName 'Corp' -AuthenticationTransformConstants GCMAES256 -CipherTransformConstants GCMAES256 -DHGroup ECP384 -EncryptionMethod GCMAES256 -IntegrityCheckMethod SHA384 -PfsGroup ECP384 -Force
`,
    twice: { from: "-Name 'Corp' -S", to: "-Name 'x' -Name 'Corp' -S" },
    type: { from: '-DHGroup ECP384', to: '-DHGroup Huge' },
    more: (filling) => ({ from: 'Add-VpnConnection', to: `# ${filling}\nAdd-VpnConnection` }),
  },
  ProfileXML: {
    good: `<VPNProfile>
<NativeProfile><Servers>vpn.example.net</Servers>
<NativeProtocolType>IKEv2</NativeProtocolType>
<Authentication><MachineMethod>Certificate</MachineMethod></Authentication>
<CryptographySuite><DHGroup>Group14</DHGroup><EncryptionMethod>AES128</EncryptionMethod><IntegrityCheckMethod>SHA256</IntegrityCheckMethod>
<CipherTransformConstants>GCMAES128</CipherTransformConstants><AuthenticationTransformConstants>GCMAES128</AuthenticationTransformConstants><PfsGroup>PFS2048</PfsGroup></CryptographySuite>
</NativeProfile></VPNProfile>`,
    twice: {
      from: '<NativeProtocolType>',
      to: '<NativeProtocolType>PPTP</NativeProtocolType>\n<NativeProtocolType>',
    },
    type: { from: 'Group14', to: 'Huge' },
    more: (filling) => ({ from: '<VPNProfile>', to: `<VPNProfile><!-- ${filling} -->` }),
  },
  FortiClient: {
    good: `<forticlient_configuration><vpn><ipsecvpn><connections><connection>
<name>a</name><ike_settings><version>2</version><server>vpn.example.org</server>
<authentication_method>Preshared Key</authentication_method>
<localid>alice</localid><mode_config>1</mode_config><dhgroup>14;</dhgroup>
<proposals><proposal>AES256|SHA256</proposal></proposals></ike_settings>
</connection></connections></ipsecvpn></vpn></forticlient_configuration>`,
    twice: { from: '<version>2', to: '<version>1</version>\n<version>2' },
    type: { from: '<version>2', to: '<version>two' },
    more: (filling) => ({ from: '<vpn>', to: `<vpn><!-- ${filling} -->` }),
  },
  '.onc': {
    good: `{"Type": "UnencryptedConfiguration", "NetworkConfigurations": [
{"GUID": "{a3f27c4e-1111-4222-8333-944455566677}", "Name": "a", "Type": "VPN",
"VPN": {"Type": "IPsec", "Host": "vpn.example.org",
"IPsec": {"IKEVersion": 2, "AuthenticationType": "PSK", "LocalIdentity": "alice"}}}]}`,
    twice: { from: '"Host"', to: '"Host": "x", "Host"' },
    type: { from: '"IKEVersion": 2', to: '"IKEVersion": "two"' },
    more: (filling) => ({ from: '"Name": "a"', to: `"Name": ${JSON.stringify(`a${filling}`)}` }),
  },
}

const cases = Object.entries(FORMATS)
const changed = (good: string, { from, to }: Change): string => {
  expect(good).toContain(from)
  return good.replace(from, () => to)
}

async function give(bytes: Uint8Array) {
  try {
    const { profiles, refused, questions, report } = await importFiles([{ name: 'a.file', bytes }])
    for (const { secrets } of profiles) for (const secret of secrets.values()) secret.close()
    return { profiles: profiles.map(({ profile }) => profile), refused, questions, report }
  } catch (thrown) {
    if (!(thrown instanceof VpnFailure)) throw thrown
    return { error: thrown.error as { kind: string; source: string; field: string; problem: string } }
  }
}
const utf8 = (text: string) => new Uint8Array(Buffer.from(text))

/** The first line that differs, from 1. */
const lineOf = (good: string, bad: string): number => {
  const [before, after] = [good.split('\n'), bad.split('\n')]
  return after.findIndex((line, at) => line !== before[at]) + 1
}

describe.each(cases)('%s', (_, format) => {
  const { good } = format

  test('imports, in every encoding there is', async () => {
    const wanted = await give(utf8(good))
    expect('error' in wanted).toBe(false)
    const utf16 = Buffer.from(good, 'utf16le')
    const big = Buffer.from(utf16).swap16()
    for (const [mark, octets] of [
      [[0xef, 0xbb, 0xbf], Buffer.from(good)],
      [[0xff, 0xfe], utf16],
      [[0xfe, 0xff], big],
      [[], Buffer.from(good.replaceAll('\n', '\r\n'))],
    ] as const) {
      expect(await give(Buffer.concat([Uint8Array.from(mark), octets]))).toEqual(wanted)
    }
  })

  test('a wrong encoding, or a NUL inside, is one sentence', async () => {
    const half = Buffer.concat([Uint8Array.of(0xff, 0xfe), Buffer.from(good, 'utf16le'), Uint8Array.of(65)])
    for (const bytes of [half, utf8(good.replace('a', 'a\0'))]) {
      expect(await give(bytes)).toMatchObject({ error: { kind: 'profileInvalid', source: 'a.file' } })
    }
  })

  test('a value of the wrong type names the key or the line, and what is expected', async () => {
    const result = await give(utf8(changed(good, format.type)))
    expect(result).toMatchObject({ error: { kind: 'profileInvalid', source: 'a.file' } })
    if (!('error' in result)) return
    expect(result.error.field).not.toBe('')
    expect(result.error.problem).toMatch(/is expected$/)
  })

  test('a key that stands twice is refused, or means what its program means by it', async () => {
    const bad = changed(good, format.twice)
    const result = await give(utf8(bad))
    if (format.again === undefined) {
      expect(result).toMatchObject({ error: { problem: expect.stringContaining('stands twice') } })
      if ('error' in result) expect(result.error.field).toContain(`(line ${lineOf(good, bad)})`.slice(0, 6))
    } else expect(result).toEqual(await give(utf8(good)))
  })

  const { base64 } = format
  if (base64 !== undefined)
    test('what is no Base64 is told without being shown', async () => {
      const result = await give(utf8(changed(good, base64)))
      expect(JSON.stringify(result)).not.toContain('hush')
      if ('error' in result)
        expect(result.error.problem).toMatch(/^(?:Base64|an even number of hex digits) is expected/)
      else expect(result.report.map(({ outcome }) => outcome)).toContain('refused')
    })

  test('what is huge is refused, or read without being kept', async () => {
    const octets = await give(utf8(changed(good, format.more('x'.repeat(LIMITS.fileOctets)))))
    expect(octets).toMatchObject({ error: { problem: expect.stringContaining('which no profile has') } })
    const long = await give(utf8(changed(good, format.more('x'.repeat(LIMITS.textLength + 1)))))
    if ('error' in long) expect(long.error.field).not.toBe('')
    else expect(JSON.stringify(long.profiles).length).toBeLessThan(LIMITS.textLength)
  })
})
