/** `671 340`, with thin spaces. */
export const thousands = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, '\u2009')

/** `864 MB` as its two parts, so that the unit may be set smaller. */
export function amount(count: number): { readonly figure: string; readonly unit: string } {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const
  let value = count
  let at = 0
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000
    at += 1
  }
  const figure = at === 0 || value >= 99.95 ? String(Math.round(value)) : value.toFixed(1)
  return { figure, unit: units[at] ?? 'B' }
}

export const octets = (count: number): string => `${amount(count).figure} ${amount(count).unit}`

/** `2 h 14 min`, `14 min`, `8 s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `1:45:52`, `0:08`. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  const two = (value: number): string => String(value).padStart(2, '0')
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** `Today 08:12`, `Yesterday 07:58`, `23 Nov 13:30`, in the time of this computer. */
export function moment(atMs: number, nowMs: number): string {
  const at = new Date(atMs)
  const time = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
  const midnight = new Date(nowMs).setHours(0, 0, 0, 0)
  if (atMs >= midnight) return `Today ${time}`
  if (atMs >= midnight - 86_400_000) return `Yesterday ${time}`
  return `${at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${time}`
}

/** `0:07`: how long something takes already. */
export const countUp = (ms: number): string => countdown(Math.floor(Math.max(0, ms) / 1000) * 1000)
