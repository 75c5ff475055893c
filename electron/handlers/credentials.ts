import type { Handlers } from '../../core/contract/contract.ts'
import type { ProfileStore } from '../../core/profile/store.ts'
import { type CredentialDesk, readRevocations, readTrust } from '../credential-desk.ts'

/** Certificates and keys from files. */
export const credentialHandlers = (
  credentials: CredentialDesk,
  profiles: Pick<ProfileStore, 'find'>,
): Handlers['credentials'] => ({
  read: async ({ profile, ...question }) =>
    credentials.read({
      ...question,
      profile: profile === undefined ? undefined : await profiles.find(profile),
    }),
  forget: ({ key }) => {
    credentials.forget(key)
    return undefined
  },
  authorities: ({ files, passphrase }) => readTrust(files, passphrase),
  revocations: ({ files }) => readRevocations(files),
})
