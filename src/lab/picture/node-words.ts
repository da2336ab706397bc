/** What a node holds and how wrong its clock is, in a few words. */
import type { CopyView } from '../../simulation/interactive/world-view.ts'

/** A few words for each sibling: its value, or that it is deleted. */
export function heldWords(copy: CopyView | undefined): readonly string[] {
  if (copy === undefined) return []
  if (copy.isDamaged) return ['damaged']
  return copy.siblings.map(({ isTombstone, value }) => (isTombstone ? '† deleted' : `“${value}”`))
}

/** For example "+300 s"; null if the clock is right. */
export function clockWords(offsetMs: number): string | null {
  if (Math.abs(offsetMs) < 1) return null
  const sign = offsetMs > 0 ? '+' : '−'
  const size = Math.abs(offsetMs)
  return size < 1000 ? `${sign}${Math.round(size)} ms` : `${sign}${Math.round(size / 100) / 10} s`
}

/** For example "zone 1" for the zone named `zone-1`. */
export function zoneWords(zone: string): string {
  return zone.startsWith('zone-') ? zone.replace('-', ' ') : `zone ${zone}`
}
