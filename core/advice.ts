import type { CertificateRule, VpnError } from './errors.ts'

/** Where the person is: the steps they can take differ. */
export type Face = 'terminal' | 'window'

/** What a person is told: what happened and whose side it is, exactly what, what to try. */
export interface Advice {
  readonly title: string
  readonly detail: string
  readonly tryThis: readonly string[]
}

const ASK_ADMIN = 'Send this message to the administrator of the gateway'

const NAT_OF = {
  us: 'This computer is behind a NAT',
  gateway: 'The gateway is behind a NAT',
  both: 'This computer and the gateway are each behind a NAT',
} as const

/** What a gateway asks a person for. */
const ASKED: Readonly<Record<string, string>> = {
  password: 'your password',
  newPassword: 'a new password',
  code: 'a code',
}

/** The sentences for a fault. The one place they live. */
export function adviceFor(error: VpnError, face: Face = 'terminal'): Advice {
  const inWindow = face === 'window'
  switch (error.kind) {
    case 'nameNotResolved':
      return {
        title: 'The name of the gateway has no address',
        detail: `Looking up ${error.host} gave ${dnsProblem(error.code)}.`,
        tryThis: [
          'Check the spelling of the gateway in the profile',
          'Check that this computer is online and its DNS works',
          'Use the numeric address of the gateway, if your administrator gives you one',
        ],
      }
    case 'unreachable':
      return {
        title: 'The gateway does not answer',
        detail:
          error.tries === 0
            ? `There is no way to ${error.host} from here${inBrackets(error.hint)}. Nothing was sent.`
            : `${error.host} did not answer ${times(error.tries, 'message')}${inBrackets(error.hint)}. Nothing but the first message was sent.`,
        tryThis: [
          'Check that this computer is online',
          'Try another network: some block UDP ports 500 and 4500',
          'Ask the administrator whether the gateway is running, and which version of IKE it takes',
        ],
      }
    case 'noAnswer':
      return {
        title: 'The gateway fell silent',
        detail: `It answered before, but not ${error.exchange}, sent ${times(error.tries, 'time')}.`,
        tryThis: [
          'Try again: the network may have dropped large packets for a moment',
          'Try another network, one on the way may not pass UDP port 4500 or fragments',
          ASK_ADMIN,
        ],
      }
    case 'noProposalChosen':
      return {
        title: 'The gateway wants other encryption',
        detail: `It takes none of what phase ${error.phase} offered: ${error.offered.join('; ')}.`,
        tryThis: [
          `Ask the administrator which suite it accepts, and add it to ${error.phase === 1 ? 'ike' : 'esp'}.proposals of the profile`,
          'If it only accepts a weak one, the profile can switch it on by name',
        ],
      }
    case 'badProposalChosen':
      return {
        title: 'The gateway chose encryption that was not offered',
        detail: `Its answer in phase ${error.phase} does not fit: ${error.problem}.`,
        tryThis: [
          'Do not connect from this network if you do not trust it: somebody may be interfering',
          ASK_ADMIN,
        ],
      }
    case 'authFailed':
      return authAdvice(error)
    case 'noSignInMethod':
      return {
        title: 'The gateway wants another way to sign in',
        detail: `It asks for ${list(error.wanted, 'something unknown')}; your profile allows ${list(error.allowed, 'nothing')}.`,
        tryThis: ['Ask the administrator which way to sign in is meant for you', ASK_ADMIN],
      }
    case 'notAnswered':
      return {
        title: 'The question of the gateway was not answered',
        detail: `It wanted ${ASKED[error.what] ?? 'an answer'} and cannot be kept waiting longer than ${error.seconds} seconds.`,
        tryThis: ['Connect again with the answer at hand'],
      }
    case 'gatewayIdMismatch':
      return {
        title: 'This is not the gateway you named',
        detail: `You asked for ${error.wanted}; it says it is ${list(error.has, 'somebody without a name')}.`,
        tryThis: [
          ...error.has.map((name) => `Use ${name} as the remote ID, if your administrator confirms it`),
          ASK_ADMIN,
        ],
      }
    case 'certificateRefused':
      return {
        title: "The gateway's certificate cannot be trusted",
        detail: `${error.subject}: ${error.problem}. Your traffic was not sent.`,
        tryThis: certificateSteps(error.rule),
      }
    case 'selectorsUnacceptable':
      return {
        title: 'The gateway opens none of the networks you asked for',
        detail: `Asked for ${list(error.asked, 'nothing')}; the gateway allows none of it.`,
        tryThis: [
          'Leave remoteSubnets out of the profile: then everything the gateway allows is asked for',
          ASK_ADMIN,
        ],
      }
    case 'transportRefused':
      return {
        title: 'The gateway does not want transport mode',
        detail: 'The profile insists on it, and the gateway would make a tunnel.',
        tryThis: ['Say "transportOrTunnel" for child.mode in the profile: then a tunnel will do', ASK_ADMIN],
      }
    case 'ahBehindNat':
      return {
        title: 'AH does not come through a NAT',
        detail: `${NAT_OF[error.who]}. AH protects the addresses of each packet, and a NAT has to change them: every packet would be taken for a forged one.`,
        tryThis: [
          'Use ESP instead: it goes through a NAT inside UDP, and encrypts besides',
          'Connect without a NAT on the way, for example over IPv6',
        ],
      }
    case 'noAddress':
      if (error.mustAsk) {
        return {
          title: 'The gateway wants to give you an address',
          detail: 'It lets nobody in with an address of their own, and the profile asks for none.',
          tryThis: ['Switch requestAddresses on in the profile'],
        }
      }
      return {
        title: 'The gateway gave no address',
        detail: 'The profile asks for an inner address and the answer holds none.',
        tryThis: [
          'Ask the administrator whether the pool of addresses is used up',
          'If you have a fixed inner address, write it into localSubnets and switch requestAddresses off',
        ],
      }
    case 'refused':
      return {
        title: 'The gateway refused',
        detail: `It answered ${error.exchange} with ${error.notify} and gave no other reason.`,
        tryThis: ['Ask the administrator to look for this minute in the log of the gateway'],
      }
    case 'ppkNotUsed':
      return {
        title: 'The gateway uses no post-quantum key',
        detail:
          'Your profile connects only with a post-quantum pre-shared key (PPK), and the gateway does not use it. Your traffic was not sent.',
        tryThis: [
          'Ask the administrator for the name of your PPK, and whether the gateway has it',
          'If your administrator agrees, set ppk.required to false in the profile: then the connection is as safe as without a PPK',
        ],
      }
    case 'versionUnsupported':
      return {
        title: 'The gateway speaks another IKE',
        detail: `It wants IKE version ${error.theirs}; this profile uses version 2.`,
        tryThis: ['Ask the administrator whether the gateway has IKEv2, and on which address'],
      }
    case 'protocol':
      return {
        title: 'The gateway broke the rules of the protocol',
        detail: `In ${error.exchange}: ${error.problem} (${error.reference}).`,
        tryThis: ['Try again: if it happens every time the gateway is at fault', ASK_ADMIN],
      }
    case 'closedByGateway':
      return {
        title: 'The gateway ended the connection',
        detail: `Reason: ${error.reason}.`,
        tryThis: [
          'Connect again',
          'If it happens again and again, ask the administrator for the rules of the gateway',
        ],
      }
    case 'cancelled':
      return { title: 'Cancelled', detail: 'You ended it. Nothing was left behind.', tryThis: [] }
    case 'profileInvalid':
      if (error.import) return importAdvice(error)
      return {
        title: 'This profile cannot be used',
        detail: `${error.source}${error.field === '' ? '' : `, field ${error.field}`}: ${error.problem}.`,
        tryThis: profileSteps(error, inWindow),
      }
    case 'profileUnsupported':
      return {
        title: `Culvert cannot use ${error.profile} yet`,
        detail: `It stands in ${error.source}, and ${error.reason}. Nothing of it was saved.`,
        tryThis: ['Ask the administrator whether there is another way in', 'Look for a newer Culvert'],
      }
    case 'fileUnreadable':
      return {
        title: 'This file cannot be read',
        detail: `${error.source}: ${error.problem}.`,
        tryThis: ['Look whether it is the file you meant; captures are pcap or pcapng, gzipped or not'],
      }
    case 'profileUnknown':
      return {
        title: `There is no profile "${error.name}"`,
        detail:
          error.known.length === 0 ? 'There are no profiles yet.' : `There is ${list(error.known, '')}.`,
        tryThis:
          error.known.length === 0
            ? [inWindow ? 'Import one: drop the file on this window' : 'Import one: culvert import FILE']
            : [
                `Did you mean ${error.known[0]}?`,
                inWindow ? 'See them all in the list' : 'See them all: culvert profiles',
              ],
      }
    case 'weakAlgorithm':
      return {
        title: `${error.algorithm} is weak and switched off`,
        detail: `${capital(error.algorithm)} is asked for, but ${error.weakness}.`,
        tryThis: [
          'Ask the administrator for something stronger',
          `If there is no other way, write ${error.switch} into the profile`,
        ],
      }
    case 'keysUsedUp':
      return {
        title: 'These keys are used up',
        detail:
          'Their last sequence number is gone. With keys by hand nobody makes fresh ones, and none may be used twice.',
        tryThis: ['Put new keys into both ends', 'Let IKE make the keys: another way to sign in'],
      }
    case 'algorithmUnavailable':
      return {
        title: `This computer cannot do ${error.algorithm}`,
        detail: `The profile asks for ${error.algorithm}, which is neither in this runtime nor in the native part.`,
        tryThis: [
          'Choose another suite in the profile',
          inWindow
            ? 'Install Culvert again: its native part may be gone'
            : 'Build the native part: npm start does it',
        ],
      }
    case 'secretMissing':
      return {
        title: `The ${secretWords(error.what)} for ${error.profile} is missing`,
        detail: inWindow
          ? 'It is not in the keychain.'
          : 'It is not in the keychain, and there is nobody here to ask.',
        tryThis: missingSecretAdvice(error, inWindow),
      }
    case 'keychainUnavailable':
      return {
        title: 'The keychain cannot be used',
        detail: `${capital(error.problem)}. Secrets are kept in memory only and asked for each time.`,
        tryThis: ['Unlock the keychain of your desktop', 'Or give the secret each time'],
      }
    case 'noTun':
      return {
        title: 'This computer has no TUN device',
        detail: `${capital(error.problem)}.`,
        tryThis: [
          'Load the kernel module: sudo modprobe tun',
          'In a container, give it the device: --device /dev/net/tun --cap-add NET_ADMIN',
        ],
      }
    case 'noPermission':
      return {
        title: 'Culvert may not change the network yet',
        detail: `Not allowed: ${error.what}.`,
        tryThis: [
          'Allow it when your desktop asks for your password',
          inWindow ? 'Connect again to be asked once more' : 'Or run the command with sudo',
        ],
      }
    case 'systemRefused':
      return {
        title: 'This computer refused a change of its network',
        detail: `${capital(error.what)}: ${error.problem}. Everything done before it was undone.`,
        tryThis: [
          'Check that no other VPN program is connected',
          inWindow ? 'Run the checks' : 'Run culvert doctor',
        ],
      }
    case 'demoUnavailable':
      return {
        title: 'The demo tunnel cannot run here',
        detail: `It lives in namespaces of its own, and this system does not let you make any (${error.problem}).`,
        tryThis: [
          'Run it as root: it still touches nothing outside of its namespaces',
          'Or ask the administrator to allow user namespaces (kernel.unprivileged_userns_clone, user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)',
        ],
      }
    case 'nativeMissing':
      return {
        title: 'The native part of Culvert is missing',
        detail: `${capital(error.problem)}.`,
        tryThis: [
          inWindow
            ? 'Install Culvert again: a part of it is gone'
            : 'Build it: npm start does it and names what it needs',
        ],
      }
    case 'alreadyRunning':
      return {
        title: `${error.profile} is already connected or connecting`,
        detail: 'One connection for each profile at a time.',
        tryThis: inWindow
          ? ['See it in Status']
          : ['See it: culvert status', `End it first: culvert disconnect ${JSON.stringify(error.profile)}`],
      }
    case 'internal':
      return {
        title: 'Culvert made a mistake',
        detail: `${capital(error.problem)}.`,
        tryThis: ['Try again', 'Report it with this message and what you did'],
      }
    default:
      return assertNever(error)
  }
}

/** Who could not prove itself, by what, and where to look. */
function authAdvice({ who, method, problem }: Extract<VpnError, { kind: 'authFailed' }>): Advice {
  const withCertificate = method === 'certificate'
  const why = problem === undefined ? '' : `: ${problem}`
  if (who === 'us') {
    return {
      title: 'The gateway did not accept your sign-in',
      detail:
        problem === undefined
          ? `It refused your ${methodWords(method)}.`
          : `Your ${methodWords(method)} cannot be used here${why}.`,
      tryThis: withCertificate
        ? [
            'Ask the administrator whether your certificate is still good: it may have run out or been revoked',
            'Check your own ID (localId) in the profile: it must stand in the certificate',
          ]
        : [
            'Enter the key or password again; what is saved stays saved',
            'Check your own ID (localId) in the profile: the gateway finds your key by it',
            ASK_ADMIN,
          ],
    }
  }
  return {
    title: 'The gateway could not prove who it is',
    detail: withCertificate
      ? `Its proof by certificate is wrong${why}. Your traffic was not sent.`
      : `Its proof by ${methodWords(method)} is wrong: it does not hold what your profile says. Your traffic was not sent.`,
    tryThis: [
      withCertificate
        ? 'Do not connect from this network if it worked elsewhere: it may not be the gateway'
        : 'Check the key in the profile: a wrong one looks the same from here',
      ...(withCertificate
        ? []
        : ['If the key is right, do not connect from this network: it may not be the gateway']),
      ASK_ADMIN,
    ],
  }
}

/** What a person can do about a certificate that breaks this rule. */
function certificateSteps(rule: CertificateRule): readonly string[] {
  switch (rule) {
    case 'expired':
    case 'notYetValid':
      return ["Check this computer's clock", ASK_ADMIN]
    case 'untrusted':
    case 'selfSigned':
    case 'signature':
      return [
        'Ask the administrator for the certificate of the authority (CA) and add it to gatewayAuth.ca of the profile',
        'Do not connect from this network if it worked elsewhere: somebody may be in between',
      ]
    case 'revoked':
      return ['Do not connect: the authority took the certificate back, its key may be stolen', ASK_ADMIN]
    case 'revocationUnknown':
      return [
        'Try again later: whoever says which certificates were taken back may be away for a moment',
        'If you trust the gateway all the same, write "revocation": "ifAvailable" into gatewayAuth of the profile',
        ASK_ADMIN,
      ]
    case 'weakSignature':
      return [ASK_ADMIN, 'If there is no other way, write "weak": ["sha1signature"] into the profile']
    case 'key':
      return [
        ASK_ADMIN,
        'If it is an RSA key below 2048 bits and there is no other way, write "weak": ["shortrsa"] into the profile',
      ]
    case 'missing':
      return ['Ask the administrator to make the gateway send its certificate', ASK_ADMIN]
    default:
      return [ASK_ADMIN]
  }
}

/** Title and detail in one sentence, for a line on a terminal. */
export function sentenceFor(error: VpnError): string {
  const { title, detail } = adviceFor(error)
  return `${title}: ${detail}`
}

const dnsProblem = (code: string): string => {
  if (code === 'ENOTFOUND' || code === 'ENODATA') return 'no address'
  if (code === 'EAI_AGAIN' || code === 'ETIMEOUT') return 'no answer from DNS'
  return code
}

const inBrackets = (hint: string | undefined): string => (hint === undefined ? '' : ` (${hint})`)
const methodWords = (method: string): string => (method === 'psk' ? 'pre-shared key' : method)
const SECRET_WORDS: Readonly<Record<string, string>> = { psk: 'pre-shared key', key: 'private key' }
const secretWords = (what: string): string => SECRET_WORDS[what] ?? what
const times = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`
const list = (items: readonly string[], none: string): string =>
  items.length === 0 ? none : items.join(', ')

function assertNever(value: never): never {
  throw new Error(`no advice for ${JSON.stringify(value)}`)
}

/** A certificate that is still to come is nothing to mend: it is given. */
function profileSteps(
  { source, field }: Extract<VpnError, { kind: 'profileInvalid' }>,
  inWindow: boolean,
): readonly string[] {
  if (field !== 'auth.certificate') {
    return ['Mend the field, or import the profile again; other profiles are not touched']
  }
  return [
    inWindow
      ? 'Choose the file with your certificate and its key in Edit'
      : `Import it with its key: culvert import FILE.p12 --profile ${JSON.stringify(source)}`,
  ]
}

/** `field`: a path of keys, a line, or both. */
const importAdvice = ({ source, field, problem }: Extract<VpnError, { kind: 'profileInvalid' }>): Advice => ({
  title: 'This file cannot be imported',
  detail: `${source}${field === '' ? '' : `, ${field}`}: ${problem}.`,
  tryThis: ['Look whether it is the file you meant, or correct it; nothing of it was kept'],
})

function missingSecretAdvice(
  { what, profile }: Extract<VpnError, { kind: 'secretMissing' }>,
  inWindow: boolean,
): readonly string[] {
  if (what === 'key') {
    const command = `culvert import FILE.p12 --profile ${JSON.stringify(profile)}`
    return inWindow
      ? ['Choose its file when you are asked, or in Edit, and it is not asked for any more']
      : [
          `Import it with your certificate: ${command}`,
          'Or give it on standard input with --secrets-stdin, in JSON: {"key":"-----BEGIN PRIVATE KEY-----…"}',
        ]
  }
  return inWindow
    ? ['Connect again and type it', 'Save it in Edit, and it is not asked for any more']
    : [
        `Give it on standard input: ${what}=… with --secrets-stdin`,
        'Run the command in a terminal and it will ask',
      ]
}
