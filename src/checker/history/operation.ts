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
  const operations: Operation[] = []
  let places = 0
  pairEvents(
    history,
    () => places++,
    (place, invoked, ended) => {
      operations[place] = operationOf(invoked, ended)
    },
  )
  return operations
}

/**
 * Calls `begin` for each invocation of a client, in order. Calls `end` for each operation with what `begin` returned and
 * with the events. Operations without an end come last. Throws HistoryError if the events do not pair.
 */
export function pairEvents<T>(
  history: readonly HistoryEvent[],
  begin: (invoked: HistoryEvent, place: number) => T,
  end: (begun: T, invoked: HistoryEvent, ended: HistoryEvent | undefined, place: number) => void,
): void {
  /** For each process its open operation; undefined if it has none. */
  const open = new Map<number, { readonly invoked: HistoryEvent; readonly begun: T } | undefined>()
  let place = -1
  for (const event of history) {
    place++
    const { process } = event
    if (process === NEMESIS) continue
    const own = open.get(process)
    if (event.type === 'invoke') {
      if (own !== undefined) {
        throw new HistoryError(
          0,
          `event ${event.index}: process ${process} begins an operation while its operation of event ${own.invoked.index} is still open`,
        )
      }
      open.set(process, { invoked: event, begun: begin(event, place) })
      continue
    }
    if (own === undefined) {
      throw new HistoryError(
        0,
        `event ${event.index}: process ${process} has no open operation that this event could end`,
      )
    }
    const { invoked, begun } = own
    if (invoked.f !== event.f || (event.key !== undefined && event.key !== invoked.key)) {
      throw new HistoryError(
        0,
        `event ${event.index} does not match event ${invoked.index}, which opened the operation: the operation or the key differs`,
      )
    }
    open.set(process, undefined)
    end(begun, invoked, event, place)
  }
  for (const own of open.values()) {
    if (own !== undefined) end(own.begun, own.invoked, undefined, place)
  }
}

/** `ended` is undefined if the operation has no end. */
export function operationOf(invoked: HistoryEvent, ended: HistoryEvent | undefined): Operation {
  const process = invoked.process as number
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
