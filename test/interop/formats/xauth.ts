import { type LabEnv, setting } from '../lab.ts'
import { type Describe, text, trusted } from './sent-file.ts'

const gateway = (env: LabEnv): string => setting(env, 'LAB_GW4')
const group = (env: LabEnv): string => setting(env, 'LAB_GROUP')
const psk = (env: LabEnv): string => setting(env, 'LAB_PSK')
const user = (env: LabEnv): string => setting(env, 'LAB_USER')
const password = (env: LabEnv): string => setting(env, 'LAB_PASSWORD')

/** IKEv1 as it was: aggressive mode, the name and key of a group, then one's own name and password. */
export const XAUTH_FORMATS: Readonly<Record<string, Describe>> = {
  pcf: (scenario, env) => [
    {
      name: 'office.pcf',
      content: `[main]
Description=${scenario}
Host=${gateway(env)}
AuthType=1
GroupName=${group(env)}
GroupPwd=${psk(env)}
!Username=${user(env)}
UserPassword=${password(env)}
SaveUserPassword=1
EnableNat=1
TunnelingMode=0
DHGroup=2
`,
    },
  ],

  vpnc: (_, env) => [
    {
      name: 'office.conf',
      content: `IPSec gateway ${gateway(env)}
IPSec ID ${group(env)}
IPSec secret ${psk(env)}
Xauth username ${user(env)}
Xauth password ${password(env)}
IKE DH Group dh2
Perfect Forward Secrecy nopfs
`,
    },
  ],

  shrew: (_, env) => [
    {
      name: 'office.vpn',
      content: `n:version:4
s:network-host:${gateway(env)}
n:network-ike-port:500
s:client-auto-mode:pull
s:client-iface:virtual
n:client-addr-auto:1
s:network-natt-mode:enable
s:client-saved-username:${user(env)}
s:auth-method:mutual-psk-xauth
b:auth-mutual-psk:${Buffer.from(psk(env)).toString('base64')}
s:ident-client-type:keyid
s:ident-client-data:${group(env)}
s:ident-server-type:any
s:phase1-exchange:aggressive
s:phase1-cipher:aes
n:phase1-keylen:256
s:phase1-hash:sha1
n:phase1-dhgroup:2
s:phase2-transform:esp-aes
n:phase2-keylen:256
s:phase2-hmac:sha1
n:phase2-pfsgroup:-1
`,
    },
  ],

  'network-manager-vpnc': (scenario, env) => [
    {
      name: `${scenario}.nmconnection`,
      content: `[connection]
id=${scenario}
uuid=2f6d2f44-54a1-4f0c-9d3b-6c8f3c1f0a17
type=vpn

[vpn]
IPSec gateway=${gateway(env)}
IPSec ID=${group(env)}
Xauth username=${user(env)}
IKE DH Group=dh2
Perfect Forward Secrecy=nopfs
service-type=org.freedesktop.NetworkManager.vpnc

[vpn-secrets]
IPSec secret=${psk(env)}
Xauth password=${password(env)}
`,
    },
  ],

  'network-manager-libreswan': (scenario, env) => [
    {
      name: `${scenario}.nmconnection`,
      content: `[connection]
id=${scenario}
uuid=2f6d2f44-54a1-4f0c-9d3b-6c8f3c1f0a18
type=vpn

[vpn]
right=${gateway(env)}
leftid=@[${group(env)}]
leftxauthusername=${user(env)}
ike=aes256-sha1;modp1024
esp=aes256-sha1
pfs=no
ikev2=never
service-type=org.freedesktop.NetworkManager.libreswan

[vpn-secrets]
pskvalue=${psk(env)}
xauthpassword=${password(env)}
`,
    },
  ],

  'forticlient-v1': (scenario, env) => [
    {
      name: 'forticlient.conf',
      content: `<forticlient_configuration><vpn><ipsecvpn><connections><connection>
  <name>${scenario}</name>
  <ike_settings>
    <version>1</version><server>${gateway(env)}</server>
    <authentication_method>Preshared Key</authentication_method>
    <auth_data><preshared_key>${psk(env)}</preshared_key></auth_data>
    <mode>aggressive</mode><localid>${group(env)}</localid>
    <xauth><enabled>1</enabled><username>${user(env)}</username><password>${password(env)}</password></xauth>
    <mode_config>1</mode_config><dhgroup>2;</dhgroup>
    <proposals><proposal>AES256|SHA1</proposal></proposals>
  </ike_settings>
  <ipsec_settings><pfs>0</pfs><proposals><proposal>AES256|SHA1</proposal></proposals></ipsec_settings>
</connection></connections></ipsecvpn></vpn></forticlient_configuration>
`,
    },
  ],

  'swanctl-xauth': (scenario, env) => [
    {
      name: 'swanctl.conf',
      content: `connections {
  ${scenario} {
    version = 1
    aggressive = yes
    remote_addrs = ${gateway(env)}
    vips = 0.0.0.0
    proposals = aes256-sha1-modp1024
    local {
      auth = psk
      id = keyid:${group(env)}
    }
    local-xauth {
      auth = xauth
      xauth_id = ${user(env)}
    }
    remote {
      auth = psk
    }
    children {
      net {
        remote_ts = 0.0.0.0/0
        esp_proposals = aes256-sha1
      }
    }
  }
}
secrets {
  ike {
    secret = ${psk(env)}
  }
  xauth {
    id = ${user(env)}
    secret = ${password(env)}
  }
}
`,
    },
  ],

  'ipsec-conf-xauth': (scenario, env) => [
    {
      name: 'ipsec.conf',
      content: `conn ${scenario}
  keyexchange=ikev1
  aggressive=yes
  left=%defaultroute
  leftsourceip=%config4
  leftid="keyid:${group(env)}"
  leftauth=psk
  leftauth2=xauth
  xauth_identity=${user(env)}
  right=${gateway(env)}
  rightauth=psk
  rightsubnet=0.0.0.0/0
  ike=aes256-sha1-modp1024!
  esp=aes256-sha1!
`,
    },
    {
      name: 'ipsec.secrets',
      content: `: PSK "${psk(env)}"\n${user(env)} : XAUTH "${password(env)}"\n`,
    },
  ],
}

/** Certificates at both ends, then a name and a password. */
export const XAUTH_CERTIFICATE_FORMATS: Readonly<Record<string, Describe>> = {
  'shrew-cert': (_, env) => [
    {
      name: 'office.vpn',
      content: `n:version:4
s:network-host:${gateway(env)}
s:client-auto-mode:pull
s:client-saved-username:${user(env)}
s:auth-method:mutual-rsa-xauth
b:auth-server-cert-data:${base64(text(env, 'LAB_CA'))}
b:auth-client-cert-data:${base64(text(env, 'LAB_CLIENT_CERT'))}
b:auth-client-key-data:${base64(text(env, 'LAB_CLIENT_KEY'))}
s:ident-client-type:asn1dn
s:ident-server-type:fqdn
s:ident-server-data:${setting(env, 'LAB_GW_ID')}
s:phase1-exchange:main
s:policy-list-include:10.77.0.0 / 255.255.255.0
`,
    },
  ],
}

const base64 = (content: string): string => Buffer.from(content).toString('base64')

/** IKEv1 with the suites of today, as Apple's clients have it. */
export const APPLE_XAUTH_FORMATS: Readonly<Record<string, Describe>> = {
  'mobileconfig-xauth': (scenario, env) => [
    {
      name: `${scenario}.mobileconfig`,
      content: `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
  <key>PayloadType</key><string>Configuration</string>
  <key>PayloadContent</key><array><dict>
    <key>PayloadType</key><string>com.apple.vpn.managed</string>
    <key>PayloadUUID</key><string>7C1E1C3A-9C63-4E0E-8D44-0C5B3A7E2F16</string>
    <key>UserDefinedName</key><string>${scenario}</string>
    <key>VPNType</key><string>IPSec</string>
    <key>IPSec</key><dict>
      <key>RemoteAddress</key><string>${gateway(env)}</string>
      <key>AuthenticationMethod</key><string>SharedSecret</string>
      <key>LocalIdentifier</key><string>${group(env)}</string>
      <key>LocalIdentifierType</key><string>KeyID</string>
      <key>SharedSecret</key><data>${Buffer.from(psk(env)).toString('base64')}</data>
      <key>XAuthEnabled</key><integer>1</integer>
      <key>XAuthName</key><string>${user(env)}</string>
      <key>XAuthPassword</key><string>${password(env)}</string>
    </dict>
  </dict></array>
</dict></plist>
`,
    },
  ],
}

/** Hybrid: the gateway has a certificate, a person a name and a password. */
export const HYBRID_FORMATS: Readonly<Record<string, Describe>> = {
  'swanctl-hybrid': (scenario, env) => [
    {
      name: 'swanctl.conf',
      content: `connections {
  ${scenario} {
    version = 1
    remote_addrs = ${gateway(env)}
    vips = 0.0.0.0
    local {
      auth = xauth
      xauth_id = ${user(env)}
    }
    remote {
      auth = pubkey
      id = ${setting(env, 'LAB_GW_ID')}
    }
    children {
      net {
        remote_ts = ${setting(env, 'LAB_SELECTORS')}
      }
    }
  }
}
`,
    },
    trusted(env),
  ],
}
