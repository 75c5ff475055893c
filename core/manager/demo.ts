import { VpnFailure } from '../errors.ts'
import { DEMO_ADDRESSES, type Demo } from '../gateway/demo/demo.ts'
import type { OsEdge } from '../net/plan.ts'
import { isDemo } from '../profile/demo.ts'
import { DEMO_HOST } from '../profile/schema.ts'
import type { ManagerDependencies } from './dependencies.ts'

/** Where the demo's tunnels are, beside those of this machine. */
const PLACE = 'demo'

/**
 * The same world with one more place in it: profiles of the demo's gateway are carried to the gateway inside the
 * program, which is opened for the first of them. Everything else is as before.
 */
export function withDemo(needs: ManagerDependencies, openDemo: () => Promise<Demo>): ManagerDependencies {
  let demo: Demo | undefined
  const open = async (): Promise<OsEdge> => {
    const opened = await openDemo()
    demo = opened
    const { edge } = opened
    return {
      openUdp: (request) => edge.openUdp(request),
      openRaw: () => edge.openRaw(),
      openTcp: (request) => edge.openTcp(request),
      openTun: (device) => edge.openTun(device),
      apply: (plan) => edge.apply(plan),
      restore: (device) => edge.restore(device),
      hold: () => edge.hold(),
      letOut: () => edge.letOut(),
      ended: false,
      close: async () => {
        if (demo === opened) demo = undefined
        await opened.close()
      },
    }
  }
  const running = (): Demo => {
    if (demo === undefined) throw new VpnFailure({ kind: 'cancelled' })
    return demo
  }
  return {
    ...needs,
    placeOf: (profile) => (isDemo(profile) ? PLACE : (needs.placeOf?.(profile) ?? '')),
    openEdge: (place) => (place === PLACE ? open() : needs.openEdge(place)),
    // No name server knows the demo's; it is asked for before the gateway is there.
    resolve: async (host) => (host === DEMO_HOST ? DEMO_ADDRESSES : needs.resolve(host)),
    secret: async (profile, name) => (isDemo(profile) ? running().secret() : needs.secret(profile, name)),
    probe: (profile) => (isDemo(profile) && demo !== undefined ? demo.probe() : needs.probe?.(profile)),
  }
}
