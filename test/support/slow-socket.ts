import type { NativeAddon } from '../../core/native/addon.ts'

/** A socket to a child that delivers when the test says so, and not when the child ends. */
export function slowSocket() {
  let deliver: (packet: Uint8Array) => void = () => {}
  let end: () => void = () => {}
  let stopped = false
  const addon = {
    socketpair: () => [100, 'ignore'],
    closeFd: () => {},
    sendMessage: () => {},
    readPackets: (
      _: number,
      onPackets: (packets: readonly Uint8Array[], fds: readonly number[]) => void,
      onEnd: (code: string) => void,
    ) => {
      deliver = (packet) => stopped || onPackets([packet], [])
      end = () => stopped || onEnd('EOF')
      return {
        stop: () => {
          stopped = true
        },
      }
    },
  } as unknown as NativeAddon
  return {
    addon,
    deliver: (packet: Uint8Array) => deliver(packet),
    end: () => end(),
    /** Long enough for a child that ends by itself to have ended. */
    childEnded: () => new Promise((resolve) => setTimeout(resolve, 200)),
  }
}
