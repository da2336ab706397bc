/**
 * A key of a map of texts for the search: get, put, append. An absent key is the empty text. (The key-value form of
 * Porcupine's tests, which comes from MIT 6.824.)
 */
import { HistoryError, type HistoryEvent, type Json } from '../history/history.ts'
import { expectEcho, outcomeOf, outputOf } from '../history/operation.ts'
import { Interning } from './interning.ts'
import type { LinearObject } from './object.ts'
import { ANY, SAME, type StateId } from './search-problem.ts'
import type { StepTable } from './step-table.ts'

/** Above the number of arguments, so that a state and an argument fit into one whole number. */
const ARGUMENTS_MAX = 2 ** 26

export function textObject(): LinearObject {
  const texts = new Interning()
  const seen = new SeenTexts()
  const appended = new Map<number, StateId>()
  // The number of no text: it stands for every text that can no longer be read.
  const lost = texts.idOf(null)
  return {
    isShared: false,
    tabulate: (invoked, ended, table, row) => tabulate(invoked, ended, table, row, texts, seen),
    stateOf: (value) => texts.idOf(textOf(value, 0)),
    follows: (state, argument) => {
      if (state === lost) return lost
      const name = state * ARGUMENTS_MAX + argument
      const known = appended.get(name)
      if (known !== undefined) return known
      const text = textOf(texts.valueOf(state), 0) + textOf(texts.valueOf(argument), 0)
      const next = seen.isBeginning(text) ? texts.idOf(text) : lost
      appended.set(name, next)
      return next
    },
  }
}

/**
 * The texts that gets returned. If none of them begins with a text, appending to it can never produce one of them. So
 * until the next put all such texts count as the same, in whatever order the appends made them.
 */
class SeenTexts {
  readonly #texts = new Set<string>()
  #sorted: readonly string[] | undefined

  add(text: string): void {
    if (this.#sorted !== undefined)
      throw new Error('the operations must be known before the search')
    this.#texts.add(text)
  }

  isBeginning(text: string): boolean {
    this.#sorted ??= [...this.#texts].sort()
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sorted[middle] as string) < text) low = middle + 1
      else high = middle
    }
    return this.#sorted[low]?.startsWith(text) === true
  }
}

function tabulate(
  invoked: HistoryEvent,
  ended: HistoryEvent | undefined,
  table: StepTable,
  row: number,
  texts: Interning,
  seen: SeenTexts,
): void {
  const { f, value, index } = invoked
  const outcome = outcomeOf(ended)
  const isRead = f === 'get' || f === 'read'
  if (ended !== undefined && outcome === 'ok' && !isRead) expectEcho(invoked, ended)
  switch (f) {
    case 'get':
    case 'read': {
      if (ended === undefined || outcome !== 'ok') return
      const text = textOf(outputOf(invoked, ended), ended.index)
      seen.add(text)
      table.fill(row, texts.idOf(text), ANY, SAME)
      return
    }
    case 'put':
    case 'write':
      if (outcome !== 'fail') table.fill(row, ANY, ANY, texts.idOf(textOf(value, index)))
      return
    case 'delete':
      if (outcome !== 'fail') table.fill(row, ANY, ANY, texts.idOf(''))
      return
    case 'append':
      if (outcome !== 'fail') table.fillFollowing(row, texts.idOf(textOf(value, index)))
      return
    default:
      throw new HistoryError(
        0,
        `event ${index}: this model does not know the operation "${f}", only get, put, append and delete`,
      )
  }
}

function textOf(value: Json, index: number): string {
  if (value === null) return ''
  if (typeof value === 'string') return value
  throw new HistoryError(0, `event ${index}: a value must be a string`)
}
