import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type EndOptions, INNER, OUTER, TunnelEnd, type Wire } from '../../support/tunnel/pair.ts'
import { stop } from '../project.ts'
import type { Contender } from './contender.ts'

/** The wire itself. */
export function plainVeth(wire: Wire): Contender {
  return {
    name: 'plain veth',
    open: async () => ({
      client: wire.namespace('a'),
      server: wire.namespace('b'),
      to: OUTER.b,
      close: async () => {},
    }),
  }
}

export interface CulvertOptions extends EndOptions {
  /** The wire's own card cuts no UDP, as most do: the kernel has to. */
  readonly cutBySoftware?: boolean
}

/** Our datapath at both ends of the wire; `server`: where that end is another. */
export function culvert(
  name: string,
  wire: Wire,
  programs: ReturnType<Wire['programs']>,
  options: CulvertOptions,
  server: CulvertOptions = options,
): Contender {
  const wireCuts = (on: boolean) => {
    for (const side of ['a', 'b'] as const) {
      wire.run(side, 'ethtool', '-K', 'wire', 'tx-udp-segmentation', on ? 'on' : 'off')
      wire.run(side, 'ethtool', '-K', 'wire', 'gro', on ? 'off' : 'on')
    }
  }
  return {
    name,
    async open() {
      if (options.cutBySoftware) wireCuts(false)
      const a = await TunnelEnd.open(wire, programs, 'a', { mtu: 1420, ...options })
      const b = await TunnelEnd.open(wire, programs, 'b', { mtu: 1420, ...server })
      return {
        client: wire.namespace('a'),
        server: wire.namespace('b'),
        to: INNER.b,
        carriers: { client: a.pid, server: b.pid },
        datapathKb: async () => (await b.report()).datapathKb,
        async close() {
          await a.close()
          await b.close()
          if (options.cutBySoftware) wireCuts(true)
        },
      }
    },
  }
}

/** The addon built again so that it encrypts nothing: what all but cryptography costs. */
export function addonWithoutCrypto(root: string): string {
  const output = join(root, 'dist/bench')
  const build = join(output, 'build')
  mkdirSync(build, { recursive: true })
  const configure = ['-S', join(root, 'build/native'), '-B', build, `-DCULVERT_OUTPUT=${output}`]
  for (const args of [
    [...configure, '-DCULVERT_NULL_CRYPTO=ON'],
    ['--build', build, '--target', 'culvert_addon', '--parallel', '2'],
  ]) {
    const { status, stderr } = spawnSync('cmake', args, { encoding: 'utf8' })
    if (status !== 0)
      stop(`the addon without cryptography cannot be built: ${stderr.trim().split('\n').at(-1)}`)
  }
  const addon = join(output, 'culvert.node')
  return existsSync(addon) ? addon : stop(`there is no ${addon}`)
}
