/** Small runs that never were: what a report is made of, with every outcome and a fault in it. */
import {
  NEMESIS,
  type EventType,
  type HistoryEvent,
  type Json,
} from '../../src/checker/history/history.ts'
import type { Verdict } from '../../src/checker/verdict/verdict.ts'
import type { RunReport } from '../../src/report/analysis/report-input.ts'

const MS = 1_000_000

/** Events by their time in milliseconds. */
export class MadeUpHistory {
  readonly #events: HistoryEvent[] = []

  get events(): readonly HistoryEvent[] {
    return this.#events
      .toSorted((a, b) => a.time - b.time)
      .map((event, index) => ({ ...event, index }))
  }

  operation(
    process: number,
    f: string,
    of: {
      readonly from: number
      readonly to: number
      readonly key?: string
      readonly node?: string
      readonly input?: Json
      readonly output?: Json
      readonly outcome?: EventType
      readonly error?: string
    },
  ): this {
    const { from, to, key = 'k1', node = 'n1', input = null, output = input, outcome = 'ok' } = of
    const common = { index: 0, process, f, key, node }
    this.#events.push({ ...common, time: from * MS, type: 'invoke', value: input })
    this.#events.push({
      ...common,
      time: to * MS,
      type: outcome,
      value: output,
      ...(of.error === undefined ? {} : { error: of.error }),
    })
    return this
  }

  fault(what: string, [start, started, heal, healed]: readonly (number | undefined)[]): this {
    const times = { start, started, heal, healed }
    for (const [f, at] of Object.entries(times)) {
      if (at === undefined) continue
      this.#events.push({
        index: 0,
        time: at * MS,
        process: NEMESIS,
        type: 'info',
        f,
        value: what,
      })
    }
    return this
  }
}

/** A write is acknowledged on one side of a cut and not seen on the other. */
export function staleRead(): readonly HistoryEvent[] {
  return new MadeUpHistory()
    .operation(1, 'write', { from: 100, to: 110, node: 'n1', input: 1 })
    .operation(2, 'read', { from: 150, to: 152, node: 'n2', output: 1 })
    .fault('partition n1/n2,n3', [200, 250, 2_000, 2_050])
    .operation(1, 'write', { from: 400, to: 420, node: 'n1', input: 2 })
    .operation(3, 'write', {
      from: 500,
      to: 1500,
      node: 'n3',
      input: 3,
      outcome: 'info',
      error: 'timeout',
    })
    .operation(2, 'read', { from: 900, to: 905, node: 'n2', output: 1 })
    .operation(4, 'write', {
      from: 1000,
      to: 1010,
      node: 'n1',
      key: 'k2',
      input: 9,
      outcome: 'fail',
      error: 'no quorum',
    })
    .operation(5, 'read', { from: 2_100, to: 2_110, node: 'n1', output: 2 })
    .operation(5, 'read', { from: 2_120, to: 2_130, node: 'n2', output: 2 })
    .operation(5, 'read', { from: 2_140, to: 2_150, node: 'n3', output: 1 }).events
}

/** The index of the first event of what was invoked so many milliseconds after the start. */
export function invokedAt(history: readonly HistoryEvent[], ms: number): number {
  const event = history.find(({ time, type }) => time === ms * MS && type === 'invoke')
  if (event === undefined) throw new Error(`nothing was invoked at ${ms} ms`)
  return event.index
}

export function staleVerdict(history: readonly HistoryEvent[]): Verdict {
  return {
    model: 'register',
    result: 'invalid',
    sentence: 'invalid: 1 key not linearizable',
    evidence: [
      {
        kind: 'not linearizable',
        key: 'k1',
        words: 'no order of these operations on key k1 agrees with real time',
        operations: [100, 400, 900].map((ms) => invokedAt(history, ms)),
      },
    ],
    stats: { operations: 9, badKeys: 1 },
  }
}

export function reportOf(
  verdict: Verdict,
  history: readonly HistoryEvent[],
  other: Partial<RunReport> = {},
): RunReport {
  return {
    title: 'register',
    verdict,
    history,
    settings: {
      workload: 'register',
      bucket: 'default',
      consistency: 'quorum',
      nemesis: 'partition-halves',
      seed: 'seed-7',
      clients: 5,
      rate: 200,
      keys: 2,
      timeLimitMs: 2_000,
      target: 'local',
    },
    command: 'npm run check -- --workload register --seed seed-7',
    startedAt: '2026-01-02T03:04:05.678Z',
    unsettled: undefined,
    promise: 'reads and writes take effect one at a time',
    ...other,
  }
}
