import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { loadAddon } from '../../core/native/load.ts'
import { networkChanges } from '../../core/net/network-changes.ts'

const ip = (command: string): string => execFileSync('ip', command.split(' '), { encoding: 'utf8' })
const device = `cvn${process.pid % 100_000}`

beforeEach(() => void ip(`link add ${device} type veth peer name ${device}p`))
afterEach(() => void ip(`link del ${device}`))

test('the kernel tells of a new address and of one that goes, and of nothing once nobody listens', async () => {
  let told = 0
  const end = networkChanges(loadAddon(), () => {
    told += 1
  })
  for (const change of [`addr add 198.18.77.1/32 dev ${device}`, `addr del 198.18.77.1/32 dev ${device}`]) {
    const before = told
    ip(change)
    await vi.waitFor(() => expect(told).toBeGreaterThan(before))
  }
  end()
  end()
  const before = told
  ip(`addr add 198.18.77.1/32 dev ${device}`)
  // Whatever was told would be there before this one's answer.
  await new Promise((soon) => setTimeout(soon, 50))
  expect(told).toBe(before)
})
