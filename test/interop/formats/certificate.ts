import { setting } from '../lab.ts'
import {
  authority,
  BUNDLE_PASSWORD,
  bundle,
  certificateId,
  type Describe,
  text,
  trusted,
} from './sent-file.ts'

/** Formats of a gateway and a client with certificates, which come in the file or beside it. */
export const CERTIFICATE_FORMATS: Readonly<Record<string, Describe>> = {
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

  'ipsec-conf-cert': (scenario, env) => [
    {
      name: 'ipsec.conf',
      content: `conn ${scenario}
  keyexchange=ikev2
  left=%defaultroute
  leftsourceip=%config4
  leftcert=client.crt
  leftauth=pubkey
  right=${setting(env, 'LAB_GW4')}
  rightid=@${setting(env, 'LAB_GW_ID')}
  rightauth=pubkey
  rightsubnet=0.0.0.0/0
`,
    },
    { name: 'ipsec.secrets', content: ': RSA client.key\n' },
    { name: 'certs/client.crt', content: text(env, 'LAB_CLIENT_CERT') },
    { name: 'private/client.key', content: text(env, 'LAB_CLIENT_KEY') },
    trusted(env),
  ],
}
