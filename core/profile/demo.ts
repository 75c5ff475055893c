import { DEMO_HOST, type Profile, type ProfileInput, requireProfile } from './schema.ts'

/** The gateway this profile names is the one inside the program. */
export const isDemo = (profile: Profile): boolean => profile.gateway.host === DEMO_HOST

const INPUT: ProfileInput = {
  format: 'culvert-profile',
  version: 1,
  id: 'demo',
  name: 'Demo',
  gateway: { host: DEMO_HOST },
  localId: 'you@culvert.test',
  remoteId: DEMO_HOST,
  auth: { method: 'psk' },
}

/** The profile of the demo, as a person could have written it: it can be exported, changed and imported like any other. */
export const demoProfile = (): Profile => requireProfile(INPUT, 'the demo')
