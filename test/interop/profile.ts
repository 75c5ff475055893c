import { type LabEnv, setting } from './lab.ts'

/** Algorithms that need a switch. Listed here on purpose, so that a switch that got lost is seen. */
const WEAK = new Set(['3des', 'null', 'sha1', 'md5', 'prfsha1', 'prfmd5', 'modp768', 'modp1024', 'modp1536'])

const words = (proposals: string): readonly string[] => proposals.split(/[-,]/)

/** `default` leaves the choice to Culvert; its suites are spelled as the gateways spell theirs. */
const proposals = (text: string) => (text === 'default' ? {} : { proposals: text.split(',') })

/** The profile a person would write for a scenario of the lab. */
export function profileFor(scenario: string, env: LabEnv) {
  const pool = setting(env, 'LAB_POOL')
  const ike = setting(env, 'LAB_CLIENT_IKE_PROPOSALS')
  const esp = setting(env, 'LAB_CLIENT_ESP_PROPOSALS')
  const weak = [...new Set([...words(ike), ...words(esp)])].filter((word) => WEAK.has(word))
  return {
    format: 'culvert-profile',
    version: 1,
    id: scenario,
    name: scenario,
    gateway: { host: setting(env, setting(env, 'LAB_OUTER') === '6' ? 'LAB_GW6' : 'LAB_GW4') },
    ike: proposals(ike),
    esp: proposals(esp),
    localId: `${setting(env, 'LAB_USER')}@lab.test`,
    remoteId: setting(env, 'LAB_GW_ID'),
    auth: { method: 'psk' },
    requestAddresses: { ipv4: pool === '4' || pool === '46', ipv6: pool === '6' || pool === '46' },
    localSubnets: pool === 'none' ? [`${setting(env, 'LAB_OWN4')}/32`] : [],
    weak,
  } as const
}
