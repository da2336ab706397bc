/// <reference lib="dom" />
/** Translates wheel, drag, pinch, tap and keys on the lanes into actions. Coordinates are CSS pixels of the canvas. */

export interface GestureHandlers {
  /** Shows `factor` times as much time, around `x`. Returns whether anything changed. */
  readonly zoom: (x: number, factor: number) => boolean
  readonly move: (byPx: number) => void
  readonly whole: () => void
  readonly point: (event: PointerEvent) => void
  readonly leave: () => void
  readonly tap: (event: PointerEvent) => void
}

/** A press that moves less than this is a tap. */
const TAP_PX = 6
/** While the page is being scrolled, it keeps scrolling even if the lanes come under the pointer. */
const SCROLL_REST_MS = 300
const KEY_MOVE_PX = 80
const KEY_ZOOM = 0.6

export function listenForGestures(canvas: HTMLCanvasElement, on: GestureHandlers): void {
  const pressed = new Map<number, { x: number; y: number }>()
  let travelled = 0
  let scrolledAt = -Infinity
  addEventListener('scroll', () => (scrolledAt = performance.now()), { passive: true })
  canvas.addEventListener(
    'wheel',
    (event) => {
      if (performance.now() - scrolledAt < SCROLL_REST_MS && !event.ctrlKey) return
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        on.move(-event.deltaX)
        event.preventDefault()
        return
      }
      // If the lanes cannot zoom any further, the wheel scrolls the page.
      if (on.zoom(event.offsetX, Math.exp(event.deltaY * 0.002))) event.preventDefault()
    },
    { passive: false },
  )
  canvas.addEventListener('pointerdown', (event) => {
    if (pressed.size === 0) travelled = 0
    pressed.set(event.pointerId, { x: event.offsetX, y: event.offsetY })
    canvas.setPointerCapture(event.pointerId)
  })
  canvas.addEventListener('pointermove', (event) => {
    const last = pressed.get(event.pointerId)
    if (last === undefined) {
      on.point(event)
      return
    }
    const now = { x: event.offsetX, y: event.offsetY }
    const other = [...pressed].find(([id]) => id !== event.pointerId)?.[1]
    pressed.set(event.pointerId, now)
    travelled += Math.abs(now.x - last.x) + Math.abs(now.y - last.y)
    if (travelled < TAP_PX) return
    if (other === undefined) {
      on.move(now.x - last.x)
      return
    }
    const before = Math.max(10, Math.abs(last.x - other.x))
    const after = Math.max(10, Math.abs(now.x - other.x))
    on.zoom((now.x + other.x) / 2, before / after)
  })
  canvas.addEventListener('pointerup', (event) => {
    if (pressed.delete(event.pointerId) && pressed.size === 0 && travelled < TAP_PX) on.tap(event)
  })
  canvas.addEventListener('pointercancel', (event) => pressed.delete(event.pointerId))
  canvas.addEventListener('pointerleave', ({ pointerType }) => {
    // A lifted finger also leaves, but then the details of the tapped operation must stay.
    if (pointerType === 'mouse') on.leave()
  })
  canvas.addEventListener('keydown', (event) => {
    const middle = canvas.clientWidth / 2
    if (event.key === '+' || event.key === '=') on.zoom(middle, KEY_ZOOM)
    else if (event.key === '-') on.zoom(middle, 1 / KEY_ZOOM)
    else if (event.key === 'ArrowLeft') on.move(KEY_MOVE_PX)
    else if (event.key === 'ArrowRight') on.move(-KEY_MOVE_PX)
    else if (event.key === '0' || event.key === 'Home') on.whole()
    else return
    event.preventDefault()
  })
}
