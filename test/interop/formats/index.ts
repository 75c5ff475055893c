import { CERTIFICATE_FORMATS } from './certificate.ts'
import { EAP_FORMATS } from './eap.ts'
import { KEY_FORMATS } from './key.ts'
import type { Describe } from './sent-file.ts'
import { APPLE_XAUTH_FORMATS, HYBRID_FORMATS, XAUTH_CERTIFICATE_FORMATS, XAUTH_FORMATS } from './xauth.ts'

export { BUNDLE_PASSWORD } from './sent-file.ts'

/** Files of one sign-in, and the scenario of the lab whose gateway they describe when nobody names another. */
interface Family {
  readonly scenario: string
  readonly formats: Readonly<Record<string, Describe>>
}

const FAMILIES: readonly Family[] = [
  { scenario: 'ikev2-psk', formats: KEY_FORMATS },
  { scenario: 'ikev2-cert-rsa', formats: CERTIFICATE_FORMATS },
  { scenario: 'ikev2-eap-mschapv2', formats: EAP_FORMATS },
  { scenario: 'ikev1-vpnc', formats: XAUTH_FORMATS },
  { scenario: 'ikev1-xauth-psk-aggr-full', formats: APPLE_XAUTH_FORMATS },
  { scenario: 'ikev1-xauth-rsa', formats: XAUTH_CERTIFICATE_FORMATS },
  { scenario: 'ikev1-hybrid', formats: HYBRID_FORMATS },
]

/** Every format by name, with the scenario it is made for. */
export const FORMATS: ReadonlyMap<string, { readonly scenario: string; readonly describe: Describe }> =
  new Map(
    FAMILIES.flatMap(({ scenario, formats }) =>
      Object.entries(formats).map(([name, describe]) => [name, { scenario, describe }] as const),
    ),
  )
