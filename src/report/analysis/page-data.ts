/**
 * The data for the pictures of a report. Operations are in columns, with tables for repeated texts, so that sixty
 * thousand operations take a few megabytes. Times are whole microseconds since the start of the run.
 */
import type { HistoryEvent } from '../../checker/history/history.ts'
import { operationsOf } from '../../checker/history/operation.ts'
import type { Verdict } from '../../checker/verdict/verdict.ts'
import { byName, faultsOf } from './fault-table.ts'
import { clientOf, textOf } from './operation-words.ts'
import { deadEndOf, operationsNamed } from './story.ts'

export interface PageData {
  readonly endUs: number
  readonly clients: readonly string[]
  readonly keys: readonly string[]
  readonly nodes: readonly string[]
  readonly deeds: readonly string[]
  readonly errors: readonly string[]
  /** One entry for each operation, in the order of invocation. */
  readonly operations: OperationColumns
  readonly faults: readonly FaultBand[]
  readonly stories: readonly MarkedStory[]
  /** For each key the order that the checker found, as positions of operations. */
  readonly orders: readonly { readonly key: number; readonly order: readonly number[] }[]
}

export interface OperationColumns {
  /** Index of the first event. The story identifies an operation by it. */
  readonly first: readonly number[]
  readonly at: readonly number[]
  /** Time until the outcome, or until the client stopped waiting; -1 if the history ends before. */
  readonly took: readonly number[]
  /** 0 ok, 1 rejected, 2 unknown. */
  readonly outcome: readonly number[]
  /** Indexes in the tables above; -1 for none. */
  readonly client: readonly number[]
  readonly key: readonly number[]
  readonly node: readonly number[]
  readonly deed: readonly number[]
  readonly error: readonly number[]
  readonly asked: readonly string[]
  /** Empty if the answer repeats the request. */
  readonly answered: readonly string[]
}

export interface FaultBand {
  readonly what: string
  readonly from: number
  readonly to: number
  /** Between these times the fault was on. Before, it was being injected; after, it was being healed. */
  readonly onFrom: number
  readonly onTo: number
}

/** Positions of operations. */
export interface MarkedStory {
  readonly operations: readonly number[]
  readonly deadEnd: number
}

const VALUE_CHARACTERS_MAX = 60
/** Leaves room, so that the last events are not drawn onto the edge. */
const MARGIN = 1.01
const OUTCOMES = ['ok', 'fail', 'info'] as const

export function pageDataOf(verdict: Verdict, history: readonly HistoryEvent[]): PageData {
  const operations = operationsOf(history)
  const endNs = history.reduce((end, { time }) => Math.max(end, time), 0)
  const timeOf = new Map(history.map(({ index, time }) => [index, time]))
  const places = new Map(operations.map(({ firstIndex }, place) => [firstIndex, place]))
  const placeOf = (index: number | undefined): number => places.get(index ?? -1) ?? -1
  const clients = tableOf(operations.map(clientOf))
  const keys = tableOf(operations.map(({ key }) => key ?? ''))
  const nodes = tableOf(operations.map(({ node }) => node))
  const deeds = tableOf(operations.map(({ f }) => f))
  const errors = tableOf(operations.map(({ error }) => error))
  return {
    endUs: Math.max(1, Math.ceil(micros(endNs) * MARGIN)),
    clients: clients.names,
    keys: keys.names,
    nodes: nodes.names,
    deeds: deeds.names,
    errors: errors.names,
    operations: {
      first: operations.map(({ firstIndex }) => firstIndex),
      at: operations.map(({ invokedAt }) => micros(invokedAt)),
      took: operations.map(({ firstIndex, lastIndex, invokedAt }) =>
        lastIndex === firstIndex ? -1 : micros((timeOf.get(lastIndex) ?? endNs) - invokedAt),
      ),
      outcome: operations.map(({ outcome }) => OUTCOMES.indexOf(outcome)),
      client: clients.column,
      key: keys.column,
      node: nodes.column,
      deed: deeds.column,
      error: errors.column,
      asked: operations.map(({ input }) =>
        input === null ? '' : textOf(input, VALUE_CHARACTERS_MAX),
      ),
      answered: operations.map(({ input, output, outcome }) =>
        outcome !== 'ok' || identical(input, output) ? '' : textOf(output, VALUE_CHARACTERS_MAX),
      ),
    },
    faults: faultsOf(history).map(({ what, startAt, startedAt, healAt, healedAt }) => ({
      what,
      from: micros(startAt),
      to: micros(healedAt ?? endNs),
      onFrom: micros(startedAt),
      onTo: micros(healAt ?? healedAt ?? endNs),
    })),
    stories: verdict.evidence.map((evidence) => {
      const named = operationsNamed(evidence, operations)
      return {
        operations: named.map(({ firstIndex }) => placeOf(firstIndex)),
        deadEnd: placeOf(deadEndOf(evidence, named)?.firstIndex),
      }
    }),
    orders: (verdict.orders ?? []).map(({ key, order }) => ({
      key: keys.names.indexOf(key),
      order: order.map(placeOf),
    })),
  }
}

function tableOf(values: readonly (string | undefined)[]): { names: string[]; column: number[] } {
  const names = [...new Set(values)].filter((name) => name !== undefined).sort(byName)
  const places = new Map(names.map((name, place) => [name, place]))
  return {
    names,
    column: values.map((name) => (name === undefined ? -1 : (places.get(name) ?? -1))),
  }
}

function identical(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

function micros(ns: number): number {
  return Math.round(ns / 1000)
}
