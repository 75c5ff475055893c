// What electron-builder is told. Facts of the packages (names, places, types) stand here; which Electron goes in, and where
// the results lie, `build/dist.mjs` decides.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup.mjs'

/** Where .deb and .rpm put the app. electron-builder's own choice. */
export const INSTALLED = '/opt/Culvert'
/** The programs beside the app: the addon, the helper that runs as root, the demo's namespaces, the reader of captures. */
export const NATIVE = ['culvert.node', 'culvert-helper', 'culvert-space', 'culvert-captures']

const HOMEPAGE = 'https://culvert.invalid'
const icon = (size) => `build/icons/app/${size}x${size}.png`

/** Files Culvert opens by itself. `.json` alone is everybody's. */
const OPENS = [
  {
    ext: 'culvert.json',
    name: 'Culvert profile',
    description: 'Culvert profile',
    mimeType: 'application/vnd.culvert.profile+json',
    role: 'Editor',
  },
]

/** Polkit knows the helper by where it lies: the question it asks then names what it is for. */
export function policy() {
  const text = readFileSync(join(root, 'build', 'packaging', 'org.culvert.helper.policy'), 'utf8')
  return text.replace('@HELPER@', `${INSTALLED}/resources/native/culvert-helper`)
}

/**
 * `files`: the folder with `org.culvert.helper.policy` and `notices.txt`, made for this run. `output`: where packages go.
 * `electron`: the folder it lies in and its version. `suffix`: what the names of the packages end in.
 */
export function packaging({ files, output, electron, suffix, compression }) {
  const toPolkit = `${join(files, 'org.culvert.helper.policy')}=/usr/share/polkit-1/actions/org.culvert.helper.policy`
  return {
    appId: 'org.culvert.Culvert',
    productName: 'Culvert',
    copyright: 'MIT licence',
    directories: { output, buildResources: 'build/packaging' },
    extraMetadata: { homepage: HOMEPAGE, desktopName: 'culvert.desktop' },
    electronDist: electron.folder,
    electronVersion: electron.version,
    // Node-API: one binary for every runtime.
    npmRebuild: false,
    publish: null,
    compression,
    artifactName: `\${name}-\${version}-\${os}-\${arch}${suffix}.\${ext}`,
    // Everything is bundled but the keychain, which is native code.
    files: [
      'dist/electron/**',
      'dist/renderer/**',
      'package.json',
      '!**/*.map',
      '!dist/electron/.inputs.json',
      '!node_modules/**',
      'node_modules/@napi-rs/**',
    ],
    // What new files are open to is a setting of whoever builds; inside, root runs them and everybody reads them.
    afterPack: ({ appOutDir }) => {
      spawnSync('chmod', ['-R', 'a+rX,go-w', appOutDir])
    },
    asar: true,
    asarUnpack: ['**/*.node'],
    extraResources: [
      { from: 'dist/native', to: 'native', filter: NATIVE },
      { from: join(files, 'notices.txt'), to: 'notices.txt' },
      { from: 'LICENSE', to: 'LICENSE.txt' },
    ],
    fileAssociations: OPENS,
    // Switches inside the program: nothing from outside makes a Node of it, and it runs this app and no other.
    electronFuses: {
      runAsNode: false,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
      loadBrowserProcessSpecificV8Snapshot: false,
      grantFileProtocolExtraPrivileges: false,
    },
    linux: {
      executableName: 'culvert',
      syncDesktopName: true,
      category: 'Network',
      synopsis: 'IPsec remote-access client',
      description: 'Connects to IPsec gateways and shows phase 1 and phase 2 while it happens.',
      maintainer: 'Culvert <packages@culvert.invalid>',
      icon: 'build/icons/app',
      desktop: { entry: { Keywords: 'VPN;IPsec;IKE;', StartupWMClass: 'Culvert' } },
    },
    deb: {
      depends: [
        'libgtk-3-0',
        'libnss3',
        'libxss1',
        'libasound2',
        'libgbm1',
        'xdg-utils',
        'policykit-1 | pkexec',
        'nftables',
        'libpcap0.8',
      ],
      fpm: [toPolkit],
      packageCategory: 'net',
    },
    // From here on: not built on the machines this project is made on, and so not tested. They need tools or systems that
    // are not there (rpmbuild, the AppImage runtime, macOS, Windows).
    rpm: {
      depends: ['gtk3', 'nss', 'libXScrnSaver', 'alsa-lib', 'mesa-libgbm', 'polkit', 'nftables', 'libpcap'],
      fpm: [toPolkit],
    },
    appImage: { license: 'LICENSE' },
    mac: {
      target: ['dmg', 'zip'],
      category: 'public.app-category.utilities',
      icon: icon(1024),
      hardenedRuntime: true,
    },
    win: { target: ['nsis'], icon: icon(256) },
    nsis: { oneClick: false, perMachine: true },
  }
}
