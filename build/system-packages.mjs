import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const MULTIARCH = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch] ?? process.arch

/**
 * What must be on the machine (`optional`: had better be): a program, or one of some files → the Debian package
 * that brings it → why.
 */
const TABLE = {
  build: [
    { program: 'g++', package: 'g++', why: 'compiles the native part' },
    { program: 'cmake', package: 'cmake', why: 'configures the native part' },
    { program: 'make', package: 'make', why: 'builds the native part' },
    {
      files: [
        `/usr/lib/${MULTIARCH}/libcrypto.a`,
        '/usr/lib64/libcrypto.a',
        '/usr/lib/libcrypto.a',
        '/usr/local/lib/libcrypto.a',
      ],
      package: 'libssl-dev',
      why: 'the libcrypto linked into the native part',
    },
    {
      files: ['/usr/include/pcap/pcap.h', '/usr/local/include/pcap/pcap.h'],
      package: 'libpcap-dev',
      why: 'opens captures of other programs',
      optional: true,
    },
    ...(process.arch === 'x64'
      ? [
          {
            files: [
              `/usr/lib/${MULTIARCH}/libIPSec_MB.a`,
              '/usr/lib64/libIPSec_MB.a',
              '/usr/lib/libIPSec_MB.a',
              '/usr/local/lib/libIPSec_MB.a',
            ],
            package: 'libipsec-mb-dev',
            why: 'encrypts packets several times as fast',
            optional: true,
          },
        ]
      : []),
  ],
  test: [
    { files: ['/usr/lib/ipsec/charon'], package: 'strongswan-charon', why: 'the gateway we connect to' },
    { program: 'swanctl', package: 'strongswan-swanctl', why: 'configures the gateway' },
    { program: 'pki', package: 'strongswan-pki', why: "makes the gateway's certificates" },
    { ...plugin('openssl'), package: 'libstrongswan-standard-plugins', why: "the gateway's crypto" },
    { ...plugin('ctr'), package: 'libstrongswan-extra-plugins', why: "more of the gateway's crypto" },
    { ...plugin('kernel-libipsec'), package: 'libcharon-extra-plugins', why: "the gateway's ESP" },
    { ...plugin('eap-mschapv2'), package: 'libcharon-extauth-plugins', why: 'EAP on the gateway' },
    { program: 'charon-cmd', package: 'charon-cmd', why: 'a client of the built-in gateway' },
    { program: 'vpnc', package: 'vpnc', why: 'a client of the built-in gateway' },
    { program: 'ike-scan', package: 'ike-scan', why: 'asks gateways what they accept' },
    { program: 'ip', package: 'iproute2', why: 'makes network namespaces and shows their state' },
    { program: 'ping', package: 'iputils-ping', why: 'sends traffic through the tunnel' },
    { program: 'nft', package: 'nftables', why: 'plays the NAT router' },
    { program: 'curl', package: 'curl', why: 'fetches pages through the tunnel' },
    { program: 'openssl', package: 'openssl', why: 'inspects certificates' },
    { program: 'python3', package: 'python3', why: 'runs the host behind the gateway' },
    { ...library('libgmp.so.10'), package: 'libgmp10', why: 'the newer gateway needs it' },
    { program: 'xz', package: 'xz-utils', why: 'unpacks the newer gateway' },
  ],
  bench: [
    { program: 'iperf3', package: 'iperf3', why: 'measures streams and datagrams' },
    { program: 'ethtool', package: 'ethtool', why: 'takes segmentation from the wire' },
    { program: 'ss', package: 'iproute2', why: 'sees when a server listens' },
    { program: 'openvpn', package: 'openvpn', why: 'a peer to compare with', optional: true },
    { program: 'wireguard-go', package: 'wireguard-go', why: 'a peer to compare with', optional: true },
    { program: 'wg', package: 'wireguard-tools', why: 'configures that peer', optional: true },
  ],
  electron: [
    { program: 'unzip', package: 'unzip', why: 'unpacks the trial runtime' },
    ...[
      ['libgtk-3.so.0', 'libgtk-3-0'],
      ['libnss3.so', 'libnss3'],
      ['libasound.so.2', 'libasound2'],
      ['libgbm.so.1', 'libgbm1'],
      ['libcups.so.2', 'libcups2'],
      ['libatk-bridge-2.0.so.0', 'libatk-bridge2.0-0'],
      ['libXcomposite.so.1', 'libxcomposite1'],
      ['libXdamage.so.1', 'libxdamage1'],
      ['libXrandr.so.2', 'libxrandr2'],
      ['libxkbcommon.so.0', 'libxkbcommon0'],
    ].map(([name, from]) => ({ ...library(name), package: from, why: 'Electron is linked with it' })),
  ],
  window: [
    { program: 'Xvfb', package: 'xvfb', why: 'the display the window is tested on' },
    {
      program: 'gnome-keyring-daemon',
      package: 'gnome-keyring',
      why: 'the keychain the window saves keys in',
    },
    { program: 'secret-tool', package: 'libsecret-tools', why: 'looks into that keychain' },
    { program: 'dbus-daemon', package: 'dbus', why: 'the bus that keychain is on' },
    { program: 'setpriv', package: 'util-linux', why: 'runs the window as an ordinary user' },
    { program: 'unshare', package: 'util-linux', why: 'gives the window a view of the files of its own' },
  ],
}

Object.assign(TABLE, {
  dist: [
    { program: '7za', package: 'p7zip-full', why: 'packs archives' },
    { program: 'dpkg-deb', package: 'dpkg', why: 'packs the Debian package' },
    ...TABLE.electron.filter(({ program }) => program !== undefined),
  ],
})

function plugin(name) {
  return { files: [`/usr/lib/ipsec/plugins/libstrongswan-${name}.so`] }
}

function library(name) {
  return {
    files: [`/usr/lib/${MULTIARCH}`, `/lib/${MULTIARCH}`, '/usr/lib64'].map((folder) => join(folder, name)),
  }
}

const onPath = (program) => findProgram(program) !== undefined

/** Looks where a shell would, and in the places an ordinary user's PATH leaves out. No child process. */
export function findProgram(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

const present = (row) => (row.program ? onPath(row.program) : row.files.some((file) => existsSync(file)))

/** Rows of the table (`build`, `test`, `bench`, `electron`, `window`, `dist`) that this machine lacks. */
export const missingPackages = (set) => TABLE[set].filter((row) => !present(row))

const isRoot = () => process.getuid?.() === 0

/**
 * Installs what is missing of a set, after naming it. Returns undefined when all is there that must be,
 * or one sentence that says what to do. What is merely good to have is only mentioned.
 */
export function ensurePackages(set) {
  const missing = missingPackages(set)
  if (missing.length === 0) return undefined
  const needed = missing.filter((row) => !row.optional)
  const names = missing.map((row) => row.package).join(' ')
  const line = `apt-get install --no-install-recommends ${names}`
  if (process.platform !== 'linux' || !onPath('apt-get')) {
    if (needed.length === 0) return undefined
    const wanted = needed.map((row) => `${row.program ?? row.files[0]} (${row.why})`).join(', ')
    return `this machine lacks ${wanted}; there is no apt-get here, so install them your system's way and run the same command again.`
  }
  if (!isRoot()) {
    if (needed.length > 0) {
      return `this machine lacks ${names}: run \`sudo ${line}\`, then the same command again.`
    }
    console.error(`culvert: \`sudo ${line}\` would help (${missing.map((row) => row.why).join(', ')})`)
    return undefined
  }

  console.error('culvert: installing missing system packages:')
  for (const row of missing) console.error(`  ${row.package.padEnd(32)} ${row.why}`)
  // Package lists may be absent (container images) or too old to name files that still exist.
  const installed =
    aptInstall(missing) ||
    (apt(['update', '-qq']) && aptInstall(missing)) ||
    (needed.length < missing.length && (needed.length === 0 || aptInstall(needed)))
  if (!installed) {
    return `apt-get could not install ${names}: check that this machine reaches its package mirror, then run \`${line}\`.`
  }
  const still = missingPackages(set)
  for (const row of still.filter((row) => row.optional)) {
    console.error(`culvert: without ${row.package} (${row.why})`)
  }
  const lacking = still.filter((row) => !row.optional)
  if (lacking.length === 0) return undefined
  return `apt-get installed ${names}, yet ${lacking.map((row) => row.program ?? row.files[0]).join(', ')} is still not there: look at \`dpkg -L ${lacking[0].package}\`.`
}

function aptInstall(rows) {
  return apt(['install', '-y', '-qq', '--no-install-recommends', ...rows.map((row) => row.package)])
}

/** Another apt-get may be at work (unattended upgrades): wait for its lock rather than fail. */
function apt(args) {
  const { status } = spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  return status === 0
}
