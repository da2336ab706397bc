/// <reference lib="dom" />
/** The box with an operation's details. It is beside the pointer, or at the bottom of a narrow screen. */
import { detailsOf, OUTCOME_WORDS, outcomeOf, type Model } from './model.ts'

/** The width below which a screen is narrow, such as a phone's. The style uses the same value. */
export const NARROW_PX = 600
const DISTANCE_PX = 14

export function showDetails(
  model: Model,
  operation: number,
  at: { readonly x: number; readonly y: number },
): void {
  const lines = detailsOf(model, operation)
  const box = showLines(lines, at)
  box.dataset['outcome'] = OUTCOME_WORDS[outcomeOf(model, operation)]
}

/** Sets text only, so that text of a history never becomes markup. */
export function showLines(
  lines: readonly string[],
  { x, y }: { readonly x: number; readonly y: number },
): HTMLElement {
  const box = document.getElementById('details') as HTMLElement
  delete box.dataset['outcome']
  box.replaceChildren(
    ...lines.map((line, i) => {
      const element = document.createElement(i === 0 ? 'b' : 'span')
      element.textContent = line
      return element
    }),
  )
  box.hidden = false
  const isNarrow = innerWidth < NARROW_PX
  box.classList.toggle('foot', isNarrow)
  if (isNarrow) {
    box.style.left = ''
    box.style.top = ''
    return box
  }
  const { width, height } = box.getBoundingClientRect()
  const left = x + DISTANCE_PX + width > innerWidth ? x - DISTANCE_PX - width : x + DISTANCE_PX
  const top = y + DISTANCE_PX + height > innerHeight ? y - DISTANCE_PX - height : y + DISTANCE_PX
  box.style.left = `${Math.max(4, left)}px`
  box.style.top = `${Math.max(4, top)}px`
  return box
}

export function hideDetails(): void {
  const box = document.getElementById('details') as HTMLElement
  box.hidden = true
}
