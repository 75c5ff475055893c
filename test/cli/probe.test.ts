import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Desk } from './desk.ts'

let desk: Desk
beforeEach(async () => {
  desk = await Desk.make()
})
afterEach(() => desk.clear())

describe('culvert probe', () => {
  const nothing = { state: 'silent', encryption: [], groups: [], says: [] } as const
  const ikev2 = { ...nothing, integrity: [], prf: [], cookie: false }
  const ikev1 = { ...nothing, authentication: [], hash: [], aggressive: false, vendorIds: [] }
  const found = (more: object) =>
    ({ host: 'vpn.example.org', address: '192.0.2.1', packets: 61, ikev2, ikev1, ...more }) as const

  test('what is accepted, and what is dangerous about it', async () => {
    desk.probed = found({
      ikev1: {
        ...ikev1,
        state: 'accepts',
        authentication: ['PRE_SHARED_KEY'],
        encryption: ['AES_CBC_256'],
        aggressive: true,
      },
    })
    const { terminal, code } = await desk.end('probe', 'vpn.example.org')
    expect(code).toBe(0)
    expect(terminal.written).toEqual([
      'vpn.example.org (192.0.2.1), after 61 packets; nobody has signed these answers',
      'IKEv2: no answer',
      'IKEv1: yes',
      '  authentication  PRE_SHARED_KEY',
      '  encryption      AES_CBC_256',
      '  aggressive mode yes',
      '  with a key, aggressive mode gives whoever asks a hash of it to guess at',
    ])
  })

  test('a host that answers nothing is a failure, for machines too', async () => {
    desk.probed = found({})
    const { terminal, code } = await desk.end('probe', 'vpn.example.org', '--json')
    expect(code).toBe(1)
    expect(JSON.parse(terminal.written[0] ?? '')).toMatchObject({ packets: 61, ikev1: { state: 'silent' } })
    expect(terminal.complaints).toEqual(['culvert: vpn.example.org answers nothing to IKE on port 500'])
  })
})
