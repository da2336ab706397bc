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
  /** For each process its last operation. `invoked` is undefined if that has ended. */
  const last = new Map<number, { invoked: HistoryEvent | undefined; begun: T }>()
  // A function of its own is compiled to fast code sooner than the body of a loop that runs only once.
  const take = (event: HistoryEvent, place: number): void => {
    const { process } = event
    if (process === NEMESIS) return
    const own = last.get(process)
    if (event.type !== 'invoke') {
      const invoked = expectOpen(own?.invoked, event)
      if (own === undefined) return
      own.invoked = undefined
      end(own.begun, invoked, event, place)
      return
    }
    if (own === undefined) last.set(process, { invoked: event, begun: begin(event, place) })
    else {
      expectClosed(own.invoked, event)
      own.invoked = event
      own.begun = begin(event, place)
    }
  }
  for (let place = 0; place < history.length; place++) take(history[place] as HistoryEvent, place)
  for (const { invoked, begun } of last.values()) {
    if (invoked !== undefined) end(begun, invoked, undefined, history.length)
  }
}

function expectClosed(open: HistoryEvent | undefined, { index, process }: HistoryEvent): void {
  if (open === undefined) return
  throw new HistoryError(
    0,
    `event ${index}: process ${process} begins an operation while its operation of event ${open.index} is still open`,
  )
}

function expectOpen(open: HistoryEvent | undefined, ended: HistoryEvent): HistoryEvent {
  const { index, process, f, key } = ended
  if (open === undefined) {
    throw new HistoryError(
      0,
      `event ${index}: process ${process} has no open operation that this event could end`,
    )
  }
  if (open.f !== f || (key !== undefined && key !== open.key)) {
    throw new HistoryError(
      0,
      `event ${index} does not match event ${open.index}, which opened the operation: the operation or the key differs`,
    )
  }
  return open
}

/** `ended` is undefined if the operation has no end. */
export function operationOf(invoked: HistoryEvent, ended: HistoryEvent | undefined): Operation {
  const process = invoked.process as number
  const outcome = outcomeOf(ended)
  return {
    process,
    f: invoked.f,
    key: invoked.key,
    node: invoked.node ?? ended?.node,
    session: invoked.session ?? process,
    outcome,
    input: invoked.value,
    output: outputOf(invoked, ended),
    isUntold: ended?.isUntold === true,
    error: ended?.error,
    invokedAt: invoked.time,
    completedAt: outcome === 'info' || ended === undefined ? Infinity : ended.time,
    firstIndex: invoked.index,
    lastIndex: (ended ?? invoked).index,
  }
}

/** `ended` is the last event of an operation; undefined if the operation has no end. */
export function outcomeOf(ended: HistoryEvent | undefined): Operation['outcome'] {
  return ended === undefined || ended.type === 'invoke' ? 'info' : ended.type
}

/** The value of the answer; that of the request if the answer has none. */
export function outputOf(invoked: HistoryEvent, ended: HistoryEvent | undefined): Json {
  return ended === undefined || ended.value === null ? invoked.value : ended.value
}

/**
 * The answer to a change must repeat the value of the request, or have no value. Any other answer has a meaning that no
 * model here knows. Throws HistoryError.
 */
export function expectEcho(invoked: HistoryEvent, ended: HistoryEvent): void {
  const { f, value: input } = invoked
  const output = outputOf(invoked, ended)
  if (output === input || JSON.stringify(output) === JSON.stringify(input)) return
  throw new HistoryError(
    0,
    `event ${ended.index}: the answer to a ${f} must repeat the value of the request, or be null`,
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
