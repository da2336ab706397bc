/** Draws a part of the page again only if its key has changed, because most parts stay while time runs. */
import type { VNode } from 'preact'
import { useMemo } from 'preact/hooks'

interface Props {
  /** Tells everything by which the part may change, besides functions. */
  readonly by: string
  readonly draw: () => VNode
}

export function Steady({ by, draw }: Props): VNode {
  return useMemo(draw, [by])
}
