import { join } from 'node:path'
import { type Finished, type GatewayLab, type LabEnv, run } from './lab.ts'

/** Behind the gateway, and what answers there. */
const NETWORK = '192.168.88.0/24'
const INSIDE = '192.168.88.1'
/** Of a client that gets none. */
const OWN_ADDRESS = '10.88.77.1'

/** What a scenario of the guest says beside what all of them share, by the lab's names. */
const DIFFERENCES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'guest-ikev1-xauth': { LAB_AGGRESSIVE: 'no', LAB_GW_ID: '10.88.0.1' },
  'guest-ikev1-aggressive': { LAB_AGGRESSIVE: 'yes', LAB_GW_ID: 'gw.vml.test' },
  ...Object.fromEntries(
    (
      [
        ['2', 'esp tunnel', '4'],
        ['2', 'esp transport', '4'],
        ['2', 'esp transport', '6'],
        ['2', 'ah tunnel', '4'],
        ['2', 'ah transport', '4'],
        ['2', 'ah transport', '6'],
        ['1', 'esp transport', '4'],
        ['1', 'ah tunnel', '4'],
        ['1', 'ah transport', '4'],
      ] as const
    ).map(([version, child, outer]) => [nameOf(version, child, outer), withoutUdp(version, child, outer)]),
  ),
}

function nameOf(version: string, child: string, outer: '4' | '6'): string {
  return `guest-ikev${version}-${child.replace(' ', '-')}${outer === '6' ? '-6' : ''}`
}

/** By key, without a virtual address, protocols 50 and 51. */
function withoutUdp(version: string, child: string, outer: '4' | '6') {
  return {
    LAB_IKE_VERSION: version,
    LAB_CHILD: child,
    LAB_OUTER: outer,
    LAB_RAWESP: 'yes',
    LAB_POOL: 'none',
    LAB_AUTH_CLIENT: 'psk',
    LAB_AGGRESSIVE: 'no',
    LAB_USER: 'raw',
    LAB_GW_ID: `${nameOf(version, child, outer)}.vml.test`,
  }
}

/** Those of them as the guest's gateway is told: a connection each, known by its name alone. */
function connections(): string {
  const all = Object.entries(DIFFERENCES).flatMap(([name, one]) => {
    if (one.LAB_CHILD === undefined) return []
    const [protocol, mode] = one.LAB_CHILD.split(' ')
    const [own, peer] = one.LAB_OUTER === '6' ? ['fd88::1', 'fd88::2'] : ['10.88.0.1', '10.88.0.2']
    const terms = [
      ...(mode === 'tunnel'
        ? [`local_ts = ${NETWORK}`, `remote_ts = ${OWN_ADDRESS}/32`]
        : ['mode = transport']),
      protocol === 'ah' ? 'ah_proposals = sha256' : 'esp_proposals = aes128-sha256',
    ]
    return [
      `${name} { version = ${one.LAB_IKE_VERSION}`,
      `local_addrs = ${own}`,
      `remote_addrs = ${peer}`,
      'encap = no',
      `local { auth = psk\nid = ${one.LAB_GW_ID}\n}`,
      'remote { auth = psk\nid = raw@lab.test\n}',
      `children { net { ${terms.join('\n')}\n} }`,
      '}',
    ]
  })
  return `connections {\n${all.join('\n')}\n}\n`
}

/** Gateways in a guest with a kernel of its own: IPsec there is Linux's, not strongSwan's. */
export const GUEST_SCENARIOS: readonly string[] = Object.keys(DIFFERENCES)

/** Octets of the document that has to arrive whole, and of the guest's memory, which holds it. */
const DOCUMENT_BYTES = 100_000_000
const MEMORY_MIB = '384'

/** As the guest's gateway is made: one for all ways to sign in. `namespace`: the client's. */
export function guestEnv(scenario: string, namespace: string): LabEnv {
  return new Map(
    Object.entries({
      LAB_NS_CLIENT: namespace,
      LAB_IKE_VERSION: '1',
      LAB_OUTER: '4',
      LAB_GW4: '10.88.0.1',
      LAB_GW6: 'fd88::1',
      LAB_OWN4: OWN_ADDRESS,
      LAB_SELECTORS: NETWORK,
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
      ...DIFFERENCES[scenario],
    }),
  )
}

/** strongSwan in a guest, and a namespace beside it for the client. `folder`: where the program lies that starts it. */
export class GuestLab implements GatewayLab {
  readonly scenario: string
  readonly #program: string
  readonly #tamper: string
  readonly #namespace: string
  /** The network between client and gateway. */
  readonly #wire: string
  readonly #env: NodeJS.ProcessEnv

  /** `id`: up to four letters and digits that nobody else uses. */
  constructor(folder: string, scenario: string, id: string, root: string) {
    this.scenario = scenario
    this.#tamper = join(root, 'test/interop/tamper.py')
    this.#program = join(folder, 'vmlab')
    this.#namespace = `vml${id}c`
    this.#wire = `vml${id}s`
    this.#env = { VMLAB_MEM: MEMORY_MIB, ...process.env, VMLAB_ID: id }
  }

  async up(): Promise<LabEnv> {
    await this.must('up', 'strongswan')
    const told = Buffer.from(connections()).toString('base64')
    await this.must(
      'exec',
      `echo ${told} | base64 -d >> /etc/swanctl/swanctl.conf; swanctl --load-all; ip addr add ${INSIDE}/32 dev lo 2>/dev/null; true`,
    )
    return new Map([
      ...guestEnv(this.scenario, this.#namespace),
      ['LAB_NS_WIRE', this.#wire],
      ['LAB_FAR_END', this.#farEnd()],
      ['LAB_TAMPER', this.#tamper],
    ])
  }

  async down(): Promise<void> {
    await this.must('down')
  }

  /** Pings, and a document larger than any buffer on the way; then what the guest's kernel counts. */
  async check(): Promise<string> {
    const to = this.#farEnd()
    // The guest is slow: it installs its SAs a while after the client is connected.
    await this.#client('ping', '-q', '-c', '1', '-w', '60', to)
    const ping = await this.#client('ping', '-q', '-c', '5', '-i', '0.2', '-W', '20', to)
    if (!/ 5 received/.test(ping.stdout)) return `ping: ${ping.stdout.trim() || ping.stderr.trim()}`
    const host = to.includes(':') ? `[${to}]` : to
    const served = await this.must(
      'exec',
      `head -c ${DOCUMENT_BYTES} /dev/urandom > /tmp/document; busybox httpd -p ${host}:8080 -h /tmp; sha256sum < /tmp/document`,
    )
    const fetched = await this.#client(
      'sh',
      '-c',
      `busybox wget -qO- http://${host}:8080/document | sha256sum`,
    )
    if (fetched.stdout.trim() !== served.trim()) return `the document came as ${fetched.stdout.trim()}`
    const state = await this.must('exec', 'ip -s xfrm state')
    const bytes = Math.max(...[...state.matchAll(/(\d+)\(bytes\)/g)].map(([, count]) => Number(count)))
    return bytes > DOCUMENT_BYTES ? '' : `the SAs of the guest's kernel have carried ${bytes} octets`
  }

  /** In transport mode the gateway itself. */
  #farEnd(): string {
    const env = guestEnv(this.scenario, this.#namespace)
    if (!env.get('LAB_CHILD')?.endsWith('transport')) return INSIDE
    return env.get(env.get('LAB_OUTER') === '6' ? 'LAB_GW6' : 'LAB_GW4') ?? INSIDE
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
