import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { type LabEnv, setting } from '../lab.ts'

/** A file as an administrator would send it, secrets and all. */
export interface SentFile {
  readonly name: string
  readonly content: string
  /** A person gives it with `--ca`: the format itself has no place for authorities. */
  readonly trust?: true
}

/** The files that describe a gateway of the lab. The connection is called as the scenario, where it has a name. */
export type Describe = (scenario: string, env: LabEnv) => readonly SentFile[]

/** Opens {@link bundle}; a script gives it as BUNDLE_PASSWORD. */
export const BUNDLE_PASSWORD = 'lab'

/** The client's certificate and key as PKCS#12, Base64. */
export function bundle(env: LabEnv): string {
  const files = ['-in', setting(env, 'LAB_CLIENT_CERT'), '-inkey', setting(env, 'LAB_CLIENT_KEY')]
  return execFileSync('openssl', [
    'pkcs12',
    '-export',
    ...files,
    '-passout',
    `pass:${BUNDLE_PASSWORD}`,
  ]).toString('base64')
}

/** The authority of the lab, DER in Base64. */
export const authority = (env: LabEnv): string =>
  execFileSync('openssl', ['x509', '-in', setting(env, 'LAB_CA'), '-outform', 'DER']).toString('base64')

export const localId = (env: LabEnv): string => `${setting(env, 'LAB_USER')}@lab.test`

/** Whom the lab's certificate of the client names. */
export const certificateId = (env: LabEnv): string =>
  `${basename(setting(env, 'LAB_CLIENT_CERT')).replace(/\.[^.]+$/, '')}@lab.test`

export const text = (env: LabEnv, name: string): string => readFileSync(setting(env, name), 'utf8')

/** The lab's authority for a format that carries none. */
export const trusted = (env: LabEnv): SentFile => ({
  name: 'trust/ca.crt',
  content: text(env, 'LAB_CA'),
  trust: true,
})
