/// <reference lib="dom" />
/** The scene for all parts of the page whose words nobody can read at the rate of a film. */
import { useRef } from 'preact/hooks'
import type { Scene } from '../run/scene.ts'

/** While time runs, these parts are drawn again at most so often. */
const SETTLED_MS = 250
/** At this speed and above, much may change from one frame to the next. */
const FAST = 1

/** The newest scene, or one that is a little older while time runs fast. What is done by hand is seen at once. */
export function useSettled(newest: Scene): Scene {
  const kept = useRef({ scene: newest, atMs: performance.now() })
  const { scene, atMs } = kept.current
  const isSame =
    newest.isPlaying &&
    newest.speed >= FAST &&
    handOf(newest) === handOf(scene) &&
    newest.view.nowUs >= scene.view.nowUs
  const nowMs = performance.now()
  if (!isSame || nowMs - atMs >= SETTLED_MS) kept.current = { scene: newest, atMs: nowMs }
  return kept.current.scene
}

/** Changes with everything that is done by hand, and with nothing that happens by itself. */
function handOf({ plan, view, followed, isPlaying, speed }: Scene): string {
  const { seed, nodes, actions } = plan
  return JSON.stringify([
    seed,
    nodes,
    actions.length,
    view.key?.bucket,
    view.key?.key,
    followed,
    isPlaying,
    speed,
  ])
}
