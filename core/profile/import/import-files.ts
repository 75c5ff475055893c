import { type VpnError, VpnFailure } from '../../errors.ts'
import { Bundle, type ImportContext, type ImportFile } from './bundle.ts'
import { importCulvertJson } from './culvert-json.ts'
import type { Draft } from './description.ts'
import { invalid } from './failure.ts'
import { forticlient } from './forticlient.ts'
import { ipsecConf } from './ipsec-conf.ts'
import { type Kind, kindOf } from './kinds.ts'
import { LIMITS } from './limits.ts'
import { mobileconfig } from './mobileconfig.ts'
import { networkManager } from './network-manager.ts'
import { onc } from './onc.ts'
import { openContainers } from './open.ts'
import { pcf } from './pcf.ts'
import { powershell } from './powershell.ts'
import { profileOf } from './profile-of.ts'
import { profileXml } from './profile-xml.ts'
import { rasphone } from './rasphone.ts'
import { Report } from './report.ts'
import {
  type ImportAnswers,
  type ImportedProfile,
  type ImportResult,
  type Question,
  question,
  type RefusedProfile,
} from './result.ts'
import { shrew } from './shrew.ts'
import { sswan } from './sswan.ts'
import { swanctl } from './swanctl.ts'
import { vpnc } from './vpnc.ts'

/** One format: what its file says of every connection in it. Throws `VpnFailure` (`profileInvalid`). */
export type Importer = (file: ImportFile, context: ImportContext) => readonly Draft[]

const IMPORTERS: Partial<Readonly<Record<Kind, Importer>>> = {
  sswan,
  plist: mobileconfig,
  swanctl,
  'ipsec-conf': ipsecConf,
  'network-manager': networkManager,
  pcf,
  vpnc,
  shrew,
  onc,
  forticlient,
  'profile-xml': profileXml,
  powershell,
  rasphone,
}

/** Files that are of use beside a profile only. */
const COMPANIONS: Partial<Readonly<Record<Kind, string>>> = {
  pkcs12: 'it holds a key and certificates but no connection; give it together with the profile',
  pem: 'it holds certificates or keys but no connection; give it together with the profile',
  der: 'it holds a certificate or a key but no connection; give it together with the profile',
  'ipsec-secrets': 'it holds secrets but no connection; give it together with ipsec.conf',
}

/** Whether a file is of use beside a profile only. */
export function isCompanion(file: ImportFile): boolean {
  const kind = kindOrEmpty(file)
  return kind !== undefined && kind in COMPANIONS
}

/** How to follow long work, and how to end it. */
export interface ImportWatch {
  /** `done` of `total` files have been read. */
  tell(done: number, total: number): void
  readonly signal: AbortSignal
}

/**
 * Profiles from one file, or from all files of a folder, whatever the administrator sent. A single file that cannot
 * be used throws `VpnFailure` (`profileInvalid`); in a folder it is listed as refused and the others go on. Others get
 * their turn between two files. Throws `VpnFailure` (`cancelled`) when `watch` says to stop; nothing is held then.
 */
export async function importFiles(
  given: readonly ImportFile[],
  answers: ImportAnswers = new Map(),
  watch?: ImportWatch,
): Promise<ImportResult> {
  checkSizes(given)
  const { files, signers, locked } = await openContainers(given, answers.get('passphrase'))
  if (locked !== 'no') return lockedFile(locked === 'passphraseWrong')
  const bundle = new Bundle(files)
  const run = new Run(bundle, answers)
  const known = files.map((file) => ({ file, kind: kindOrEmpty(file) }))
  if (files.length === 1 && known[0] !== undefined) run.take(known[0].file, known[0].kind)
  else await run.takeAll(known, watch)
  return run.result(files.length > 1, signers)
}

/** Nothing can be said of a sealed file but that it is one. */
function lockedFile(again: boolean): ImportResult {
  const prompt = again ? 'Not that one: the passphrase of the file' : 'Passphrase of the file'
  return {
    profiles: [],
    refused: [],
    questions: [question('', 'passphrase', prompt, { secret: true, needed: true })],
    report: [],
    signers: [],
  }
}

function kindOrEmpty(file: ImportFile): Kind | undefined {
  try {
    return kindOf(file.bytes, file.name)
  } catch (thrown) {
    if (thrown instanceof VpnFailure) return undefined
    throw thrown
  }
}

class Run {
  readonly #context: ImportContext
  readonly #answers: ImportAnswers
  readonly #profiles: ImportedProfile[] = []
  readonly #refused: RefusedProfile[] = []
  readonly #questions: Question[] = []

  constructor(bundle: Bundle, answers: ImportAnswers) {
    this.#context = { bundle, report: new Report() }
    this.#answers = answers
  }

  take(file: ImportFile, kind: Kind | undefined): void {
    if (file.bytes.length === 0) throw invalid({ file: file.name }, 'it is empty')
    if (kind === 'culvert') return this.#takeOwn(file)
    const companion = kind === undefined ? undefined : COMPANIONS[kind]
    if (companion !== undefined) throw invalid({ file: file.name }, companion)
    const importer = kind === undefined ? undefined : IMPORTERS[kind]
    if (importer === undefined)
      throw invalid({ file: file.name }, 'it is no kind of profile that Culvert knows')
    const drafts = importer(file, this.#context)
    if (drafts.length === 0) throw invalid({ file: file.name }, 'it holds no connection')
    if (drafts.length > LIMITS.connections) {
      throw invalid({ file: file.name }, `it has ${drafts.length} connections, more than anybody needs`)
    }
    for (const draft of drafts) this.#settle(draft)
  }

  /** In a folder one file does not keep the others out. Files that include others come before those. */
  async takeAll(
    known: readonly { readonly file: ImportFile; readonly kind: Kind | undefined }[],
    watch?: ImportWatch,
  ): Promise<void> {
    const profiles = known.filter(
      ({ kind }) => kind === 'culvert' || (kind !== undefined && kind in IMPORTERS),
    )
    const first = profiles.filter(({ file }) => INCLUDES.test(latin1(file.bytes)))
    let done = 0
    for (const { file, kind } of new Set([...first, ...profiles])) {
      this.#tryToTake(file, kind)
      done += 1
      if (watch === undefined) continue
      watch.tell(done, profiles.length)
      await new Promise((next) => setImmediate(next))
      if (watch.signal.aborted) throw this.#stopped()
    }
    for (const { file } of known) {
      if (this.#context.bundle.isUsed(file) || profiles.some((profile) => profile.file === file)) continue
      this.#context.report.mark(
        file.name,
        '',
        'ignored',
        'it is no profile, and no profile beside it names it',
      )
    }
  }

  #stopped(): VpnFailure {
    for (const { secrets } of this.#profiles) for (const secret of secrets.values()) secret.close()
    return new VpnFailure({ kind: 'cancelled' })
  }

  #tryToTake(file: ImportFile, kind: Kind | undefined): void {
    if (this.#context.bundle.isUsed(file)) return
    try {
      this.take(file, kind)
    } catch (thrown) {
      if (!(thrown instanceof VpnFailure)) throw thrown
      this.#refused.push({ name: file.name, reason: problemOf(thrown.error) })
    }
  }

  result(withFiles: boolean, signers: readonly string[]): ImportResult {
    return {
      profiles: this.#profiles,
      refused: this.#refused,
      questions: this.#questions,
      report: this.#context.report.rows(withFiles),
      signers,
    }
  }

  #settle(draft: Draft): void {
    const { imported, refused, questions } = profileOf(draft, this.#answers)
    if (imported !== undefined) this.#keep(imported)
    if (refused !== undefined) this.#refused.push(refused)
    this.#questions.push(...questions)
  }

  /** Two connections that would lie in one place are one too many. */
  #keep(imported: ImportedProfile): void {
    const { id, name } = imported.profile
    if (!this.#profiles.some(({ profile }) => profile.id === id)) {
      this.#profiles.push(imported)
      return
    }
    for (const secret of imported.secrets.values()) secret.close()
    this.#refused.push({ name, reason: 'another connection that came along is the same one' })
  }

  #takeOwn(file: ImportFile): void {
    const { profiles, report } = importCulvertJson(file.bytes, file.name)
    for (const profile of profiles) this.#keep(profile)
    for (const { field, outcome, reason } of report) {
      this.#context.report.mark(file.name, field, outcome, reason)
    }
  }
}

const INCLUDES = /^\s*include\s/m

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

function checkSizes(files: readonly ImportFile[]): void {
  if (files.length > LIMITS.bundleFiles) {
    throw invalid({ file: files[0]?.name ?? '' }, `more than ${LIMITS.bundleFiles} files came together`)
  }
  let sum = 0
  for (const { name, bytes } of files) {
    sum += bytes.length
    if (bytes.length > LIMITS.fileOctets || sum > LIMITS.bundleOctets) {
      throw invalid({ file: name }, `it has ${bytes.length} octets, which no profile has`)
    }
  }
}

const problemOf = (error: VpnError): string =>
  error.kind === 'profileInvalid'
    ? `${error.field === '' ? '' : `${error.field}: `}${error.problem}`
    : `of a fault of kind ${error.kind}`
