/// <reference lib="dom" />
/** The data of the page, and the view that it shows at the moment. Operations are identified by their position. */
import type { PageData } from '../analysis/page-data.ts'
import { lengthText, type TimeWindow } from './time-window.ts'

export const OK = 0
export const FAIL = 1
export const INFO = 2
export const OUTCOME_WORDS = ['ok', 'rejected', 'outcome unknown']

export interface View {
  window: TimeWindow
  laneBy: 'client' | 'key'
  /** An index in the table of keys; -1 for all. */
  key: number
  /** The story whose operations are marked; -1 for none. */
  story: number
  /** The selected operation; -1 for none. */
  selected: number
}

export interface Model {
  readonly data: PageData
  readonly view: View
  readonly count: number
  /** For each operation its place, from 1, in the order that was found for its key; 0 if there is none. */
  readonly ranks: Int32Array
}

export function readModel(): Model {
  const data = JSON.parse(document.getElementById('page-data')?.textContent ?? '') as PageData
  const count = data.operations.at.length
  const ranks = new Int32Array(count)
  for (const { order } of data.orders) {
    for (const [place, operation] of order.entries()) {
      if (operation >= 0) ranks[operation] = place + 1
    }
  }
  return {
    data,
    count,
    ranks,
    view: {
      window: { from: 0, to: data.endUs },
      laneBy: 'client',
      key: -1,
      story: data.stories.length > 0 ? 0 : -1,
      selected: -1,
    },
  }
}

export function startOf({ data }: Model, operation: number): number {
  return data.operations.at[operation] ?? 0
}

/** The end of its bar. The bar of an operation that never ended extends to the end of the run. */
export function endOf({ data }: Model, operation: number): number {
  const took = data.operations.took[operation] ?? -1
  return took < 0 ? data.endUs : (data.operations.at[operation] ?? 0) + took
}

export function outcomeOf({ data }: Model, operation: number): number {
  return data.operations.outcome[operation] ?? INFO
}

/** The operations of the story that is shown, in its order. */
export function marked({ data, view }: Model): readonly number[] {
  return data.stories[view.story]?.operations ?? []
}

/** The lines of an operation's details. */
export function detailsOf(model: Model, operation: number): string[] {
  const { data } = model
  const { operations } = data
  const name = (table: readonly string[], column: readonly number[]): string | undefined =>
    table[column[operation] ?? -1]
  const key = name(data.keys, operations.key) ?? ''
  const node = name(data.nodes, operations.node)
  const error = name(data.errors, operations.error)
  const asked = operations.asked[operation] ?? ''
  const answered = operations.answered[operation] ?? ''
  const at = startOf(model, operation)
  const took = operations.took[operation] ?? -1
  const rank = model.ranks[operation] ?? 0
  return [
    `${name(data.deeds, operations.deed) ?? ''} ${key} ${asked}`.replaceAll(/ +/g, ' ').trim(),
    answered === '' ? '' : `answer: ${answered}`,
    `${OUTCOME_WORDS[outcomeOf(model, operation)] ?? ''}${error === undefined ? '' : `: ${error}`}`,
    `${name(data.clients, operations.client) ?? ''}${node === undefined ? '' : ` at ${node}`}`,
    `at ${(at / 1e6).toFixed(3)} s, ${took < 0 ? 'never answered' : `for ${lengthText(took)}`}`,
    rank === 0
      ? ''
      : `position ${rank} in the linearizable order that the check found for this key`,
  ].filter((line) => line !== '')
}
