import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { type LabEnv, setting } from './lab.ts'
import { profileFor } from './profile.ts'

/** A file as an administrator would send it, secrets and all. */
export interface SentFile {
  readonly name: string
  readonly content: string
}

/** Formats that can describe what a scenario with a pre-shared key needs. The profile is called as the scenario. */
export const FORMATS: Readonly<Record<string, (scenario: string, env: LabEnv) => readonly SentFile[]>> = {
  culvert: (scenario, env) => [
    { name: `${scenario}.json`, content: JSON.stringify(profileFor(scenario, env)) },
  ],

  swanctl: (scenario, env) => [
    {
      name: 'swanctl.conf',
      content: `connections {
  ${scenario} {
    version = 2
    remote_addrs = ${setting(env, 'LAB_GW4')}
    vips = 0.0.0.0
    local {
      auth = psk
      id = ${localId(env)}
    }
    remote {
      auth = psk
      id = ${setting(env, 'LAB_GW_ID')}
    }
    children {
      net {
        remote_ts = 0.0.0.0/0
      }
    }
  }
}
secrets {
  ike {
    secret = ${setting(env, 'LAB_PSK')}
  }
}
`,
    },
  ],

  'ipsec-conf': (scenario, env) => [
    {
      name: 'ipsec.conf',
      content: `conn ${scenario}
  keyexchange=ikev2
  left=%defaultroute
  leftsourceip=%config4
  leftid=${localId(env)}
  leftauth=psk
  right=${setting(env, 'LAB_GW4')}
  rightid=@${setting(env, 'LAB_GW_ID')}
  rightauth=psk
  rightsubnet=0.0.0.0/0
`,
    },
    { name: 'ipsec.secrets', content: `${localId(env)} : PSK "${setting(env, 'LAB_PSK')}"\n` },
  ],

  libreswan: (scenario, env) => [
    {
      name: 'road.conf',
      content: `conn ${scenario}
  ikev2=insist
  authby=secret
  left=%defaultroute
  leftmodecfgclient=yes
  leftid=@@${localId(env)}
  right=${setting(env, 'LAB_GW4')}
  rightid=@${setting(env, 'LAB_GW_ID')}
  rightsubnet=0.0.0.0/0
  ike=aes256-sha2_256;modp2048
  esp=aes_gcm256-null
`,
    },
    { name: 'road.secrets', content: `@@${localId(env)} : PSK "${setting(env, 'LAB_PSK')}"\n` },
  ],

  'network-manager': (scenario, env) => [
    {
      name: `${scenario}.nmconnection`,
      content: `[connection]
id=${scenario}
uuid=2f6d2f44-54a1-4f0c-9d3b-6c8f3c1f0a11
type=vpn

[vpn]
address=${setting(env, 'LAB_GW4')}
local-identity=${localId(env)}
remote-identity=${setting(env, 'LAB_GW_ID')}
method=psk
virtual=yes
service-type=org.freedesktop.NetworkManager.strongswan

[vpn-secrets]
password=${setting(env, 'LAB_PSK')}
`,
    },
  ],

  mobileconfig: (scenario, env) => [
    {
      name: `${scenario}.mobileconfig`,
      content: `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
  <key>PayloadType</key><string>Configuration</string>
  <key>PayloadContent</key><array><dict>
    <key>PayloadType</key><string>com.apple.vpn.managed</string>
    <key>PayloadUUID</key><string>7C1E1C3A-9C63-4E0E-8D44-0C5B3A7E2F10</string>
    <key>UserDefinedName</key><string>${scenario}</string>
    <key>VPNType</key><string>IKEv2</string>
    <key>IKEv2</key><dict>
      <key>RemoteAddress</key><string>${setting(env, 'LAB_GW4')}</string>
      <key>RemoteIdentifier</key><string>${setting(env, 'LAB_GW_ID')}</string>
      <key>LocalIdentifier</key><string>${localId(env)}</string>
      <key>AuthenticationMethod</key><string>SharedSecret</string>
      <key>SharedSecret</key><string>${setting(env, 'LAB_PSK')}</string>
    </dict>
  </dict></array>
</dict></plist>
`,
    },
  ],

  forticlient: (scenario, env) => [
    {
      name: 'forticlient.conf',
      content: `<forticlient_configuration><vpn><ipsecvpn><connections><connection>
  <name>${scenario}</name>
  <ike_settings>
    <version>2</version><server>${setting(env, 'LAB_GW4')}</server>
    <authentication_method>Preshared Key</authentication_method>
    <auth_data><preshared_key>${setting(env, 'LAB_PSK')}</preshared_key></auth_data>
    <localid>${localId(env)}</localid><peerid>${setting(env, 'LAB_GW_ID')}</peerid>
    <mode_config>1</mode_config><dhgroup>14;</dhgroup>
    <proposals><proposal>AES256|SHA256</proposal></proposals>
  </ike_settings>
  <ipsec_settings><proposals><proposal>AES256|SHA256</proposal></proposals></ipsec_settings>
</connection></connections></ipsecvpn></vpn></forticlient_configuration>
`,
    },
  ],

  onc: (scenario, env) => [
    {
      name: `${scenario}.onc`,
      content: JSON.stringify({
        Type: 'UnencryptedConfiguration',
        NetworkConfigurations: [
          {
            GUID: '{2f6d2f44-54a1-4f0c-9d3b-6c8f3c1f0a12}',
            Name: scenario,
            Type: 'VPN',
            VPN: {
              Type: 'IPsec',
              Host: setting(env, 'LAB_GW4'),
              IPsec: {
                IKEVersion: 2,
                AuthenticationType: 'PSK',
                PSK: setting(env, 'LAB_PSK'),
                LocalIdentity: localId(env),
                RemoteIdentity: setting(env, 'LAB_GW_ID'),
              },
            },
          },
        ],
      }),
    },
  ],
}

/** Formats of a gateway and a client with certificates, which come in the file or beside it. */
export const CERTIFICATE_FORMATS: typeof FORMATS = {
  sswan: (scenario, env) => [
    {
      name: `${scenario}.sswan`,
      content: JSON.stringify({
        uuid: '2f6d2f44-54a1-4f0c-9d3b-6c8f3c1f0a13',
        name: scenario,
        type: 'ikev2-cert',
        remote: { addr: setting(env, 'LAB_GW4'), id: setting(env, 'LAB_GW_ID'), cert: authority(env) },
        local: { p12: bundle(env) },
      }),
    },
  ],

  'mobileconfig-cert': (scenario, env) => [
    {
      name: `${scenario}.mobileconfig`,
      content: `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
  <key>PayloadType</key><string>Configuration</string>
  <key>PayloadContent</key><array>
    <dict>
      <key>PayloadType</key><string>com.apple.vpn.managed</string>
      <key>PayloadUUID</key><string>7C1E1C3A-9C63-4E0E-8D44-0C5B3A7E2F11</string>
      <key>UserDefinedName</key><string>${scenario}</string>
      <key>VPNType</key><string>IKEv2</string>
      <key>IKEv2</key><dict>
        <key>RemoteAddress</key><string>${setting(env, 'LAB_GW4')}</string>
        <key>RemoteIdentifier</key><string>${setting(env, 'LAB_GW_ID')}</string>
        <key>LocalIdentifier</key><string>${certificateId(env)}</string>
        <key>AuthenticationMethod</key><string>Certificate</string>
        <key>PayloadCertificateUUID</key><string>7C1E1C3A-9C63-4E0E-8D44-0C5B3A7E2F12</string>
      </dict>
    </dict>
    <dict>
      <key>PayloadType</key><string>com.apple.security.pkcs12</string>
      <key>PayloadUUID</key><string>7C1E1C3A-9C63-4E0E-8D44-0C5B3A7E2F12</string>
      <key>PayloadContent</key><data>${bundle(env)}</data>
      <key>Password</key><string>${BUNDLE_PASSWORD}</string>
    </dict>
    <dict>
      <key>PayloadType</key><string>com.apple.security.root</string>
      <key>PayloadUUID</key><string>7C1E1C3A-9C63-4E0E-8D44-0C5B3A7E2F13</string>
      <key>PayloadContent</key><data>${authority(env)}</data>
    </dict>
  </array>
</dict></plist>
`,
    },
  ],

  'swanctl-cert': (scenario, env) => [
    {
      name: 'swanctl.conf',
      content: `connections {
  ${scenario} {
    version = 2
    remote_addrs = ${setting(env, 'LAB_GW4')}
    vips = 0.0.0.0
    local {
      auth = pubkey
      certs = client.crt
    }
    remote {
      auth = pubkey
      id = ${setting(env, 'LAB_GW_ID')}
      cacerts = ca.crt
    }
    children {
      net {
        remote_ts = 0.0.0.0/0
      }
    }
  }
}
secrets {
  private {
    file = client.key
  }
}
`,
    },
    { name: 'x509/client.crt', content: text(env, 'LAB_CLIENT_CERT') },
    { name: 'x509ca/ca.crt', content: text(env, 'LAB_CA') },
    { name: 'private/client.key', content: text(env, 'LAB_CLIENT_KEY') },
  ],

  'network-manager-cert': (scenario, env) => [
    {
      name: `${scenario}.nmconnection`,
      content: `[connection]
id=${scenario}
uuid=2f6d2f44-54a1-4f0c-9d3b-6c8f3c1f0a14
type=vpn

[vpn]
address=${setting(env, 'LAB_GW4')}
certificate=/home/admin/ca.crt
remote-identity=${setting(env, 'LAB_GW_ID')}
method=key
usercert=/home/admin/client.crt
userkey=/home/admin/client.key
virtual=yes
service-type=org.freedesktop.NetworkManager.strongswan
`,
    },
    { name: 'ca.crt', content: text(env, 'LAB_CA') },
    { name: 'client.crt', content: text(env, 'LAB_CLIENT_CERT') },
    { name: 'client.key', content: text(env, 'LAB_CLIENT_KEY') },
  ],
}

/** Opens what {@link CERTIFICATE_FORMATS} bring; a script gives it as BUNDLE_PASSWORD. */
export const BUNDLE_PASSWORD = 'lab'

/** The client's certificate and key as PKCS#12, Base64. */
function bundle(env: LabEnv): string {
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
const authority = (env: LabEnv): string =>
  execFileSync('openssl', ['x509', '-in', setting(env, 'LAB_CA'), '-outform', 'DER']).toString('base64')

const localId = (env: LabEnv): string => `${setting(env, 'LAB_USER')}@lab.test`

/** Whom the lab's certificate of the client names. */
const certificateId = (env: LabEnv): string =>
  `${basename(setting(env, 'LAB_CLIENT_CERT')).replace(/\.[^.]+$/, '')}@lab.test`

const text = (env: LabEnv, name: string): string => readFileSync(setting(env, name), 'utf8')
