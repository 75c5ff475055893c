import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { bundleCulvert } from './culvert.ts'
import { Ground, PSK } from './ground.ts'

beforeAll(bundleCulvert)

const PROFILE = {
  format: 'culvert-profile',
  version: 1,
  id: 'inside',
  name: 'Inside',
  localId: 'bob@culvert.test',
  remoteId: 'gateway.culvert.test',
  auth: { method: 'psk' },
}

test('connect --detach at a terminal asks for the key without showing it, and the tunnel outlives the terminal', async () => {
  const ground = new Ground()
  try {
    const before = ground.state(ground.clientSide)
    const gateway = await ground.gateway()
    const home = join(ground.folder, `home-${ground.clientSide}`)
    mkdirSync(join(home, 'profiles'), { recursive: true })
    writeFileSync(
      join(home, 'profiles', 'inside.json'),
      JSON.stringify({ ...PROFILE, gateway: { host: ground.gatewayAddress } }),
    )
    // `script` gives it a terminal of its own, and takes that away when the program has ended.
    const command = `${process.execPath} ${resolve('dist/culvert.mjs')} connect inside --detach`
    const terminal = ground.start(ground.clientSide, ['script', '-qec', command, '/dev/null'], {
      ...process.env,
      CULVERT_HOME: home,
      CULVERT_RUN_DIR: join(ground.folder, `run-${ground.clientSide}`),
      CULVERT_NATIVE: resolve('dist/native/culvert.node'),
    })
    let shown = ''
    terminal.child.stdout.on('data', (octets: Buffer) => {
      shown += octets
    })
    await vi.waitFor(() => expect(shown).toMatch(/Pre-shared key for Inside/), { timeout: 20_000 })
    terminal.child.stdin.write(`${PSK}\r`)
    expect(await terminal.exited, shown).toBe(0)
    expect(shown).not.toContain(PSK)
    const [, pid = ''] = /Inside is connected, in process (\d+)\./.exec(shown) ?? []
    expect(pid, shown).not.toBe('')
    await gateway.line(/"event":"connected","identity":"bob@culvert.test"/)
    expect(existsSync(`/proc/${pid}`)).toBe(true)
    expect(await ground.onClient('ping', '-c', '2', '-i', '0.2', '-W', '5', '10.77.0.1')).toContain(
      ' 0% packet loss',
    )

    expect(await ground.culvert(ground.clientSide, ['disconnect', '--all']).exited).toBe(0)
    await vi.waitFor(() => expect(existsSync(`/proc/${pid}`)).toBe(false), { timeout: 20_000 })
    await vi.waitFor(() => expect(ground.state(ground.clientSide)).toBe(before), { timeout: 10_000 })
  } finally {
    await ground.remove()
  }
})
