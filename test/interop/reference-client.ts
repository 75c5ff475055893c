import type { Attempt, Client } from './client.ts'
import type { GatewayLab } from './lab.ts'

/** The lab's own strongSwan client: shows that a gateway, and this runner's checks, are as they should be. */
export function referenceClient(lab: GatewayLab): Client {
  let log = ''
  return {
    async connect(): Promise<Attempt> {
      const start = performance.now()
      const { code, stderr } = await lab.call('connect', lab.scenario)
      log = stderr
      if (code === 0) return { ok: true, ms: performance.now() - start }
      await lab.must('disconnect', lab.scenario)
      return { ok: false, fault: { error: { kind: 'reference' }, exitCode: code } }
    },
    counts: async () => undefined,
    async disconnect() {
      return (await lab.call('disconnect', lab.scenario)).code
    },
    async kill() {
      await lab.call('disconnect', lab.scenario)
    },
    pid: () => undefined,
    log: () => log,
  }
}
