import { splitPem } from '../../cert/pem.ts'
import { gatewayAuthOf, type Profile, sessionSecrets } from '../schema.ts'
import { type Exported, Losses, uuidOf } from './exported.ts'
import { espSuites } from './strongswan-words.ts'

/** A profile for strongSwan's app for Android, without the key or password: the phone has its own store, or asks. */
export function toSswan(profile: Profile): Exported {
  const losses = new Losses()
  const { ike, auth, dns } = profile
  const gateway = gatewayAuthOf(profile)
  const authorities = gateway.method === 'certificate' ? splitPem(gateway.ca) : []
  const esp = espSuites(profile, losses)
  if (sessionSecrets(profile).includes('key')) {
    losses.add('auth.certificate', 'it and its key are installed on the phone as a .p12 file')
  }
  losses.unless(authorities.length < 2, 'gatewayAuth.ca', 'the app takes one authority: the first is given')
  losses.unless(ike.proposals.length < 2, 'ike.proposals', 'the app takes one suite: the first is given')
  losses.unless(esp.length < 2, 'esp.proposals', 'the app takes one suite: the first is given')
  losses.unless(ike.version !== 1, 'ike.version', 'the app knows IKEv2 only')
  losses.unless(profile.xauth === undefined, 'xauth', 'the app knows IKEv2 only')
  losses.unless(profile.child === undefined, 'child', 'the app knows ESP in tunnel mode only')
  losses.unless(
    profile.killSwitch !== true,
    'killSwitch',
    'the app takes the one of the phone: switch it on there',
  )
  losses.unless(profile.allowLan, 'allowLan', 'the app leaves the local network alone')
  losses.unless(profile.localSubnets.length === 0, 'localSubnets', 'the app always asks for an address')
  losses.unless(dns.search.length === 0, 'dns.search', 'the app has no search domains')
  const [authority] = authorities
  const value = {
    uuid: uuidOf(profile.id),
    name: profile.name,
    type: typeOf(profile),
    remote: {
      addr: profile.gateway.host,
      id: profile.remoteId,
      cert: authority === undefined ? undefined : Buffer.from(authority.der).toString('base64'),
    },
    local: {
      id: profile.localId,
      eap_id: (profile.secondAuth ?? (auth.method === 'eap' ? auth : undefined))?.user,
      'rsa-pss': auth.method === 'certificate' ? auth.rsaPss : undefined,
    },
    'ike-proposal': ike.proposals[0],
    'esp-proposal': esp[0],
    mtu: profile.mtu,
    'dns-servers': dns.servers.length === 0 ? undefined : dns.servers,
    'split-tunneling': profile.remoteSubnets === undefined ? undefined : { subnets: profile.remoteSubnets },
  }
  return {
    text: `${JSON.stringify(value, undefined, 2)}\n`,
    fileName: `${profile.id}.sswan`,
    losses: losses.sentences,
  }
}

function typeOf({ auth, secondAuth }: Profile): string {
  if (secondAuth !== undefined) return 'ikev2-cert-eap'
  if (auth.method !== 'eap') return 'ikev2-cert'
  if (auth.methods.every((method) => method === 'tls')) return 'ikev2-eap-tls'
  return auth.methods.every((method) => method === 'ttls') ? 'ikev2-byod-eap' : 'ikev2-eap'
}
