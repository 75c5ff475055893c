import { setting } from '../lab.ts'
import { profileFor } from '../profile.ts'
import { type Describe, localId } from './sent-file.ts'

/** Formats that can describe what a scenario with a pre-shared key needs. The profile is called as the scenario. */
export const KEY_FORMATS: Readonly<Record<string, Describe>> = {
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
