/**
 * Pairs the events of a history to operations. An operation without an end is of unknown outcome, like one
 * that ended with `info`: it may take effect at any later time, or never.
 */
import { HistoryError, NEMESIS, type HistoryEvent, type Json } from './history.ts'

export interface Operation {
  readonly process: number
  readonly f: string
  readonly key: string | undefined
  readonly node: string | undefined
  /** Of the event that invoked it; its process where it names none. */
  readonly session: number
  readonly outcome: 'ok' | 'fail' | 'info'
  /** What was asked. */
  readonly input: Json
  /** What was answered; the input where the end does not say. */
  readonly output: Json
  /** The answer was nothing that tells anything (Knossos' `nil`). */
  readonly isUntold: boolean
  readonly error: string | undefined
  /** Nanoseconds since the start. */
  readonly invokedAt: number
  /** When the outcome was known; Infinity for `info`. */
  readonly completedAt: number
  /** Indexes of its first and last event. */
  readonly firstIndex: number
  readonly lastIndex: number
}

/** The clients' operations in the order of their invocation. Errors: HistoryError where events do not pair. */
export function operationsOf(history: readonly HistoryEvent[]): Operation[] {
  /** Process → its event, and where its operation has its place: they stand as they were invoked. */
  const open = new Map<number, { readonly invoked: HistoryEvent; readonly place: number }>()
  const operations: Operation[] = []
  let places = 0
  for (const event of history) {
    if (event.process === NEMESIS) continue
    const of = open.get(event.process)
    const invoked = of?.invoked
    if (event.type === 'invoke') {
      if (invoked !== undefined) {
        throw new HistoryError(
          0,
          `event ${event.index}: process ${event.process} invokes while its event ${invoked.index} is open`,
        )
      }
      open.set(event.process, { invoked: event, place: places++ })
      continue
    }
    if (of === undefined || invoked === undefined) {
      throw new HistoryError(
        0,
        `event ${event.index}: process ${event.process} has nothing open to end`,
      )
    }
    if (invoked.f !== event.f || (event.key !== undefined && event.key !== invoked.key)) {
      throw new HistoryError(
        0,
        `event ${event.index} ends another operation than event ${invoked.index} opened`,
      )
    }
    open.delete(event.process)
    operations[of.place] = operationOf(event.process, invoked, event)
  }
  for (const [process, { invoked, place }] of open) {
    operations[place] = operationOf(process, invoked, undefined)
  }
  return operations
}

function operationOf(
  process: number,
  invoked: HistoryEvent,
  ended: HistoryEvent | undefined,
): Operation {
  const outcome = ended === undefined || ended.type === 'invoke' ? 'info' : ended.type
  return {
    process,
    f: invoked.f,
    key: invoked.key,
    node: invoked.node ?? ended?.node,
    session: invoked.session ?? process,
    outcome,
    input: invoked.value,
    output: ended === undefined || ended.value === null ? invoked.value : ended.value,
    isUntold: ended?.isUntold === true,
    error: ended?.error,
    invokedAt: invoked.time,
    completedAt: outcome === 'info' || ended === undefined ? Infinity : ended.time,
    firstIndex: invoked.index,
    lastIndex: (ended ?? invoked).index,
  }
}

/**
 * What changes something answers what was asked, or nothing: another answer means that the history says
 * something that no model here knows. Errors: HistoryError.
 */
export function expectEcho({ f, input, output, lastIndex }: Operation): void {
  if (output === input || JSON.stringify(output) === JSON.stringify(input)) return
  throw new HistoryError(
    0,
    `event ${lastIndex}: the answer to a ${f} must have the value that was asked, or null`,
  )
}

/** Errors: HistoryError where there is another than the model has. */
export function expectOnly(operations: readonly Operation[], ...known: readonly string[]): void {
  const other = operations.find(({ f }) => !known.includes(f))
  if (other === undefined) return
  throw new HistoryError(
    0,
    `event ${other.firstIndex}: this model has no "${other.f}"; it has ${known.join(' and ')}`,
  )
}
