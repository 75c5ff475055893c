import { join } from 'node:path'
import { type Finished, type GatewayLab, type LabEnv, run } from './lab.ts'

/** What a scenario of the guest says beside what all of them share, by the lab's names. */
const DIFFERENCES = {
  'guest-ikev1-xauth': { LAB_AGGRESSIVE: 'no', LAB_GW_ID: '10.88.0.1' },
  'guest-ikev1-aggressive': { LAB_AGGRESSIVE: 'yes', LAB_GW_ID: 'gw.vml.test' },
} as const

/** Gateways in a guest with a kernel of its own: IPsec there is Linux's, not strongSwan's. */
export const GUEST_SCENARIOS: readonly string[] = Object.keys(DIFFERENCES)

/** Octets of the document that has to arrive whole. */
const DOCUMENT_BYTES = 1_000_000

/** As the guest's gateway is made: one for all ways to sign in. `namespace`: the client's. */
export function guestEnv(scenario: string, namespace: string): LabEnv {
  return new Map(
    Object.entries({
      LAB_NS_CLIENT: namespace,
      LAB_IKE_VERSION: '1',
      LAB_OUTER: '4',
      LAB_GW4: '10.88.0.1',
      LAB_SELECTORS: '192.168.88.0/24',
      LAB_POOL: '4',
      LAB_USER: 'alice',
      LAB_GROUP: 'fqdn:vmlgroup',
      LAB_AUTH_GATEWAY: 'psk',
      LAB_AUTH_CLIENT: 'psk+xauth',
      LAB_CLIENT_PSK: 'vmlab-psk-88',
      LAB_CLIENT_PASSWORD: 'alice-pass-88',
      LAB_CLIENT_IKE_PROPOSALS: 'default',
      LAB_CLIENT_ESP_PROPOSALS: 'default',
      LAB_CLIENT_PPK: '',
      LAB_CHILDLESS: 'allow',
      LAB_SIGAUTH: 'yes',
      LAB_DPD: '0',
      ...DIFFERENCES[scenario as keyof typeof DIFFERENCES],
    }),
  )
}

/** strongSwan in a guest, and a namespace beside it for the client. `folder`: where the program lies that starts it. */
export class GuestLab implements GatewayLab {
  readonly scenario: string
  readonly #program: string
  readonly #namespace: string
  readonly #env: NodeJS.ProcessEnv

  /** `id`: up to four letters and digits that nobody else uses. */
  constructor(folder: string, scenario: string, id: string) {
    this.scenario = scenario
    this.#program = join(folder, 'vmlab')
    this.#namespace = `vml${id}c`
    this.#env = { VMLAB_BACKEND: 'qemu', ...process.env, VMLAB_ID: id }
  }

  async up(): Promise<LabEnv> {
    await this.must('up', 'strongswan')
    return guestEnv(this.scenario, this.#namespace)
  }

  async down(): Promise<void> {
    await this.must('down')
  }

  /** Pings, and a document larger than any buffer on the way; then what the guest's kernel counts. */
  async check(): Promise<string> {
    // The guest is slow: it installs its SAs a while after the client is connected.
    await this.#client('ping', '-q', '-c', '1', '-w', '60', '192.168.88.1')
    const ping = await this.#client('ping', '-q', '-c', '5', '-i', '0.2', '-W', '20', '192.168.88.1')
    if (!/ 5 received/.test(ping.stdout)) return `ping: ${ping.stdout.trim() || ping.stderr.trim()}`
    const served = await this.must(
      'exec',
      `head -c ${DOCUMENT_BYTES} /dev/urandom > /tmp/document; busybox httpd -p 192.168.88.1:8080 -h /tmp; sha256sum < /tmp/document`,
    )
    const fetched = await this.#client(
      'sh',
      '-c',
      'busybox wget -qO- http://192.168.88.1:8080/document | sha256sum',
    )
    if (fetched.stdout.trim() !== served.trim()) return `the document came as ${fetched.stdout.trim()}`
    const state = await this.must('exec', 'ip -s xfrm state')
    const bytes = Math.max(...[...state.matchAll(/(\d+)\(bytes\)/g)].map(([, count]) => Number(count)))
    return bytes > DOCUMENT_BYTES ? '' : `the SAs of the guest's kernel have carried ${bytes} octets`
  }

  async logs(): Promise<string> {
    return this.must('exec', 'cat /vmlab/charon.log')
  }

  call(...args: string[]): Promise<Finished> {
    return run(this.#program, args, { env: this.#env })
  }

  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.call(...args)
    if (code !== 0) throw new Error(`vmlab ${args.join(' ')}: ${stderr.trim() || stdout.trim()}`)
    return stdout
  }

  #client(...command: string[]): Promise<Finished> {
    return run('ip', ['netns', 'exec', this.#namespace, ...command])
  }
}
