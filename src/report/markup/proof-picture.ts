/**
 * Draws the operations of a proof: a column for each client, and time from top to bottom. Only the order of the events
 * is drawn, because a proof may span a whole run. Equal values of a key have equal colours.
 */
import type { Json } from '../../checker/history/history.ts'
import type { Operation } from '../../checker/history/operation.ts'
import { html, type Html } from '../../html/html.ts'

/** The style has so many colours of values. */
const COLOURS = 6
const TEXT_CHARACTERS_MAX = 14
/** The first row has the names of the clients, and the first column shows where time goes. */
const FIRST_LINE = 2

/** The text of the page tells the same, so the picture is hidden from screen readers. */
export function proofPicture(
  operations: readonly Operation[],
  culprit: Operation | undefined,
): Html {
  const clients = [...new Set(operations.map(({ session }) => session))]
  const lines = linesOf(operations)
  const end = FIRST_LINE + lines.size
  const colours = coloursOf(operations)
  const columnOf = ({ session }: Operation): number => FIRST_LINE + clients.indexOf(session)
  return html`<div class="picture" aria-hidden="true" style="--clients: ${clients.length}">
    <i class="time" style="grid-area: ${FIRST_LINE} / 1 / ${end}"></i>
    ${clients.map(
      (client, i) =>
        html`<b class="client" style="grid-area: 1 / ${FIRST_LINE + i}">client ${client}</b
          ><i class="life" style="grid-area: ${FIRST_LINE} / ${FIRST_LINE + i} / ${end}"></i>`,
    )}
    ${operations.map((operation, i) => {
      const { outcome, firstIndex, lastIndex, node } = operation
      const from = lines.get(firstIndex) as number
      const to = outcome === 'info' ? end : (lines.get(lastIndex) as number)
      const isCulprit = operation.firstIndex === culprit?.firstIndex
      const where = `grid-area: ${from} / ${columnOf(operation)} / ${to}`
      return html`<div class="deed ${outcome}${isCulprit && ' culprit'}" style="${where}">
        <span class="number">${i + 1}</span>
        <span class="what">${deedOf(operation, colours)}</span>
        ${node !== undefined && html`<span class="quiet">${shortOf(node)}</span>`}
      </div>`
    })}
  </div>`
}

/** The grid line of each event, by its index. An operation of unknown outcome has no end. */
function linesOf(operations: readonly Operation[]): Map<number, number> {
  const events = operations.flatMap(({ outcome, firstIndex, lastIndex }) =>
    outcome === 'info' ? [firstIndex] : [firstIndex, lastIndex],
  )
  const inOrder = [...new Set(events)].sort((a, b) => a - b)
  return new Map(inOrder.map((event, place) => [event, FIRST_LINE + place]))
}

/** The colour of a value. No value has none. */
type Colours = (key: string, value: Json) => string

function coloursOf(operations: readonly Operation[]): Colours {
  const numbers = new Map<string, number>()
  const nameOf = (key: string, value: Json): string => `${key} ${JSON.stringify(value)}`
  for (const operation of operations) {
    for (const value of valuesOf(operation)) {
      const name = nameOf(operation.key ?? '', value)
      if (value !== null && !numbers.has(name)) numbers.set(name, numbers.size % COLOURS)
    }
  }
  return (key, value) => {
    const number = numbers.get(nameOf(key, value))
    return number === undefined ? 'none' : `v${number}`
  }
}

/** The values that it wrote or read. A list that was read holds siblings. */
function valuesOf({ f, input, output }: Operation): readonly Json[] {
  if (f === 'delete') return [null]
  if (f === 'cas') return input as readonly Json[]
  if (f === 'write') return [input]
  return Array.isArray(output) ? (output as readonly Json[]) : [output]
}

/** For example `x := 5` for a write, and `x = 5` for a read. */
function deedOf(operation: Operation, colours: Colours): Html {
  const { f, key = '', outcome } = operation
  const name = shortOf(key)
  const chips = valuesOf(operation).map(
    (value) => html`<span class="value ${colours(key, value)}">${textOf(value)}</span> `,
  )
  if (f === 'read') return html`${name} = ${chips}`
  if (f !== 'cas') return html`${name} := ${chips}`
  const [expected, next] = chips
  if (outcome === 'fail') return html`${name} ≠ ${expected}`
  return html`${name} = ${expected} := ${next}`
}

function textOf(value: Json): string {
  return value === null ? '∅' : shortOf(JSON.stringify(value))
}

function shortOf(text: string): string {
  return text.length <= TEXT_CHARACTERS_MAX ? text : `${text.slice(0, TEXT_CHARACTERS_MAX - 1)}…`
}
