/**
 * Pairs the events of a history to operations. An operation without an end has an unknown outcome, like one that ended
 * with `info`: it may take effect at any later time, or never.
 */
import { HistoryError, NEMESIS, type HistoryEvent, type Json } from './history.ts'

export interface Operation {
  readonly process: number
  readonly f: string
  readonly key: string | undefined
  readonly node: string | undefined
  /** The session of the invoking event; its process if the event names no session. */
  readonly session: number
  readonly outcome: 'ok' | 'fail' | 'info'
  /** The value of the request. */
  readonly input: Json
  /** The value of the answer; the input if the answer has none. */
  readonly output: Json
  /** Whether the client did not learn the value of its read (`nil` in Knossos). */
  readonly isUntold: boolean
  readonly error: string | undefined
  /** Nanoseconds since the start. */
  readonly invokedAt: number
  /** When the outcome became known; Infinity for `info`. */
  readonly completedAt: number
  /** Indexes of its first and last event. */
  readonly firstIndex: number
  readonly lastIndex: number
}

/** The clients' operations in the order of their invocation. Throws HistoryError if the events do not pair. */
export function operationsOf(history: readonly HistoryEvent[]): Operation[] {
  /** For each process its open invocation, and the index of the operation in the result. */
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
          `event ${event.index}: process ${event.process} begins an operation while its operation of event ${invoked.index} is still open`,
        )
      }
      open.set(event.process, { invoked: event, place: places++ })
      continue
    }
    if (of === undefined || invoked === undefined) {
      throw new HistoryError(
        0,
        `event ${event.index}: process ${event.process} has no open operation that this event could end`,
      )
    }
    if (invoked.f !== event.f || (event.key !== undefined && event.key !== invoked.key)) {
      throw new HistoryError(
        0,
        `event ${event.index} does not match event ${invoked.index}, which opened the operation: the operation or the key differs`,
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
 * The answer to a change must repeat the value of the request, or have no value. Any other answer has a meaning that no
 * model here knows. Throws HistoryError.
 */
export function expectEcho({ f, input, output, lastIndex }: Operation): void {
  if (output === input || JSON.stringify(output) === JSON.stringify(input)) return
  throw new HistoryError(
    0,
    `event ${lastIndex}: the answer to a ${f} must repeat the value of the request, or be null`,
  )
}

/** Throws HistoryError if there is an operation that the model does not have. */
export function expectOnly(operations: readonly Operation[], ...known: readonly string[]): void {
  const other = operations.find(({ f }) => !known.includes(f))
  if (other === undefined) return
  throw new HistoryError(
    0,
    `event ${other.firstIndex}: this model does not know the operation "${other.f}", only ${known.join(' and ')}`,
  )
}
