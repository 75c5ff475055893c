import { readFileSync } from 'node:fs'

const SETTINGS = {
  4: '/proc/sys/net/ipv4/ip_forward',
  6: '/proc/sys/net/ipv6/conf/all/forwarding',
} as const

/** Whether this computer passes packets of a family on from one interface to another; `undefined` where that cannot be read. */
export function isForwarding(
  family: 4 | 6,
  read = (path: string) => readFileSync(path, 'utf8'),
): boolean | undefined {
  try {
    return read(SETTINGS[family]).trim() !== '0'
  } catch {
    return undefined
  }
}

/** The command that switches it on, for people. */
export const forwardingCommand = (family: 4 | 6): string =>
  `sysctl -w net.${family === 4 ? 'ipv4.ip_forward' : 'ipv6.conf.all.forwarding'}=1`
