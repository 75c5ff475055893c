import type { NativeAddon, PacketReader } from '../native/addon.ts'

/**
 * Calls `changed` whenever links or addresses of this computer may be others, as the kernel tells it; nobody asks, so it
 * costs nothing while nothing happens. Returns the way to end it. Throws where the kernel has no such word.
 */
export function networkChanges(
  addon: Pick<NativeAddon, 'watchNetwork' | 'readPackets' | 'closeFd'>,
  changed: () => void,
): () => void {
  let over = false
  let fd: number
  let reader: PacketReader
  const begin = (): void => {
    fd = addon.watchNetwork()
    reader = addon.readPackets(fd, changed, () => {
      if (over) return
      // More has happened than the kernel keeps: that is a change, too.
      addon.closeFd(fd)
      begin()
      changed()
    })
  }
  begin()
  return () => {
    if (over) return
    over = true
    reader.stop()
    addon.closeFd(fd)
  }
}
