/** The inside of the pipe in the drawing. */
const LEFT = 64
const RIGHT = 740
const END = 804
const BOTTOM = 148
const TOP = 88

/** The height of the water for a share of the full pipe, 0 to 1. A dry pipe keeps a trickle, so that open is seen. */
const levelOf = (share: number): number => BOTTOM - 6 - Math.min(1, share) * (BOTTOM - 6 - TOP)

const round = (value: number): string => value.toFixed(1)

/** The surface of the water over `shares` of a full pipe, oldest at the left; level outside the pipe. */
export function surface(shares: readonly number[]): string {
  const step = (RIGHT - LEFT) / Math.max(1, shares.length - 1)
  const points = shares.map((share, at) => [LEFT + at * step, levelOf(share)] as const)
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined) return ''
  const all = [[0, first[1]] as const, ...points, [END, last[1]] as const]
  const curves = all.slice(1).map(([x, y], at) => {
    const [fromX, fromY] = all[at] ?? [0, y]
    const middle = round((fromX + x) / 2)
    return `C${middle} ${round(fromY)} ${middle} ${round(y)} ${round(x)} ${round(y)}`
  })
  return `M0 ${round(first[1])}${curves.join('')}`
}

/** The water under that surface. */
export const body = (shares: readonly number[]): string => `${surface(shares)}V150H0Z`

/** The surface in the mouth of the pipe, 208 wide: the last minute from left to right. */
export function dialWater(shares: readonly number[]): string {
  const step = 208 / Math.max(1, shares.length - 1)
  const height = (share: number): string => round(168 - Math.min(1, share) * 110)
  const [first = 0, ...rest] = shares
  return `M0 ${height(first)}${rest.map((share, at) => `L${round((at + 1) * step)} ${height(share)}`).join('')}H208`
}
