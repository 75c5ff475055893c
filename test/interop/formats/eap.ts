import { setting } from '../lab.ts'
import { authority, type Describe, localId, text, trusted } from './sent-file.ts'

const user = (env: Parameters<Describe>[1]): string => setting(env, 'LAB_USER')
const password = (env: Parameters<Describe>[1]): string => setting(env, 'LAB_PASSWORD')

/** A gateway with a certificate, and a person with a name and a password. */
export const EAP_FORMATS: Readonly<Record<string, Describe>> = {
  'sswan-eap': (scenario, env) => [
    {
      name: `${scenario}.sswan`,
      content: JSON.stringify({
        uuid: '2f6d2f44-54a1-4f0c-9d3b-6c8f3c1f0a15',
        name: scenario,
        type: 'ikev2-eap',
        remote: { addr: setting(env, 'LAB_GW4'), id: setting(env, 'LAB_GW_ID'), cert: authority(env) },
        local: { eap_id: user(env), id: localId(env), shared_secret: password(env) },
      }),
    },
  ],

  'mobileconfig-eap': (scenario, env) => [
    {
      name: `${scenario}.mobileconfig`,
      content: `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
  <key>PayloadType</key><string>Configuration</string>
  <key>PayloadContent</key><array>
    <dict>
      <key>PayloadType</key><string>com.apple.vpn.managed</string>
      <key>PayloadUUID</key><string>7C1E1C3A-9C63-4E0E-8D44-0C5B3A7E2F14</string>
      <key>UserDefinedName</key><string>${scenario}</string>
      <key>VPNType</key><string>IKEv2</string>
      <key>IKEv2</key><dict>
        <key>RemoteAddress</key><string>${setting(env, 'LAB_GW4')}</string>
        <key>RemoteIdentifier</key><string>${setting(env, 'LAB_GW_ID')}</string>
        <key>LocalIdentifier</key><string>${localId(env)}</string>
        <key>AuthenticationMethod</key><string>Certificate</string>
        <key>ExtendedAuthEnabled</key><integer>1</integer>
        <key>AuthName</key><string>${user(env)}</string>
        <key>AuthPassword</key><string>${password(env)}</string>
      </dict>
    </dict>
    <dict>
      <key>PayloadType</key><string>com.apple.security.root</string>
      <key>PayloadUUID</key><string>7C1E1C3A-9C63-4E0E-8D44-0C5B3A7E2F15</string>
      <key>PayloadContent</key><data>${authority(env)}</data>
    </dict>
  </array>
</dict></plist>
`,
    },
  ],

  'swanctl-eap': (scenario, env) => [
    {
      name: 'swanctl.conf',
      content: `connections {
  ${scenario} {
    version = 2
    remote_addrs = ${setting(env, 'LAB_GW4')}
    vips = 0.0.0.0
    local {
      auth = eap-mschapv2
      id = ${localId(env)}
      eap_id = ${user(env)}
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
  eap {
    id = ${user(env)}
    secret = ${password(env)}
  }
}
`,
    },
    { name: 'x509ca/ca.crt', content: text(env, 'LAB_CA') },
  ],

  'ipsec-conf-eap': (scenario, env) => [
    {
      name: 'ipsec.conf',
      content: `conn ${scenario}
  keyexchange=ikev2
  left=%defaultroute
  leftsourceip=%config4
  leftid=${localId(env)}
  leftauth=eap-mschapv2
  eap_identity=${user(env)}
  right=${setting(env, 'LAB_GW4')}
  rightid=@${setting(env, 'LAB_GW_ID')}
  rightauth=pubkey
  rightsubnet=0.0.0.0/0
`,
    },
    { name: 'ipsec.secrets', content: `${user(env)} : EAP "${password(env)}"\n` },
    trusted(env),
  ],

  'network-manager-eap': (scenario, env) => [
    {
      name: `${scenario}.nmconnection`,
      content: `[connection]
id=${scenario}
uuid=2f6d2f44-54a1-4f0c-9d3b-6c8f3c1f0a16
type=vpn

[vpn]
address=${setting(env, 'LAB_GW4')}
certificate=/home/admin/ca.crt
local-identity=${localId(env)}
remote-identity=${setting(env, 'LAB_GW_ID')}
method=eap
user=${user(env)}
virtual=yes
service-type=org.freedesktop.NetworkManager.strongswan

[vpn-secrets]
password=${password(env)}
`,
    },
    { name: 'ca.crt', content: text(env, 'LAB_CA') },
  ],

  // Windows has neither a name for the gateway nor the name of the person in it: the address and --set do.
  'profile-xml': (scenario, env) => [
    {
      name: `${scenario}.xml`,
      content: `<VPNProfile>
  <NativeProfile>
    <Servers>${setting(env, 'LAB_GW4')}</Servers>
    <RoutingPolicyType>SplitTunnel</RoutingPolicyType>
    <NativeProtocolType>IKEv2</NativeProtocolType>
    <Authentication>
      <UserMethod>Eap</UserMethod>
      <Eap><Configuration>
        <EapHostConfig xmlns="http://www.microsoft.com/provisioning/EapHostConfig">
          <EapMethod><Type xmlns="http://www.microsoft.com/provisioning/EapCommon">26</Type></EapMethod>
        </EapHostConfig>
      </Configuration></Eap>
    </Authentication>
    <CryptographySuite>
      <AuthenticationTransformConstants>GCMAES256</AuthenticationTransformConstants>
      <CipherTransformConstants>GCMAES256</CipherTransformConstants>
      <EncryptionMethod>AES256</EncryptionMethod>
      <IntegrityCheckMethod>SHA256</IntegrityCheckMethod>
      <DHGroup>Group14</DHGroup>
      <PfsGroup>None</PfsGroup>
    </CryptographySuite>
  </NativeProfile>
  <Route><Address>10.77.0.0</Address><PrefixSize>24</PrefixSize></Route>
</VPNProfile>
`,
    },
    trusted(env),
  ],
}
