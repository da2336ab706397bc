/**
 * The operations on the registers of a history, in one form: what each returned, and what it left in its register.
 *
 * An answer says which value a read returned, but not which write it saw. The writes that may have left the value are
 * the origins of the answer: all writes of the value to the key that had begun when the read ended, or the initial
 * value. If each answer has one origin, every level can be decided from the origins.
 */
import { HistoryError, type HistoryEvent, type Json, MISMATCH } from '../history/history.ts'
import { operationsOf, type Operation } from '../history/operation.ts'
import { countWhere } from '../causal/key-writes.ts'
import { Interning } from '../linear/interning.ts'

export interface Access {
  /** Its place among the accesses, which are in the order of invocation. */
  readonly id: number
  readonly operation: Operation
  /** '' in a history with a single object. */
  readonly key: string
  readonly session: number
  /** False if the outcome is unknown: the operation may have happened, may still happen, or never happens. */
  readonly isCertain: boolean
  /** For each value that it returned, where the value may come from. Siblings are several values. */
  readonly answers: readonly Answer[]
  /** What it left in the register; null if it deleted the key; undefined if it changed nothing. */
  readonly left: Json | undefined
  /** Equal values have equal numbers; undefined if it changed nothing. */
  readonly leftId: number | undefined
  /** The number of the value that a failed compare-and-set did not find; undefined for other operations. */
  readonly avoidedId: number | undefined
}

export interface Answer {
  /** Null if the key was absent. */
  readonly value: Json
  readonly valueId: number
  /** The operations that may have left the value: the newest ones, if there are more than GIVERS_MAX. */
  readonly givers: readonly Access[]
  readonly giverCount: number
  readonly canBeInitial: boolean
  /** Why nobody can have read it; undefined if it has an origin. */
  readonly fault: AnswerFault | undefined
}

/** A write of the value that failed or began too late; none if nobody wrote the value. */
interface AnswerFault {
  readonly why: 'unwritten' | 'rejected' | 'late'
  readonly writer: Operation | undefined
}

export interface Accesses {
  readonly all: readonly Access[]
  /** Every operation of the clients. */
  readonly operations: readonly Operation[]
  /** The events with plain values, for the search for a linearization. */
  readonly history: readonly HistoryEvent[]
  readonly initial: readonly Json[]
  readonly initialIds: ReadonlySet<number>
  /** Keys that may have begun with several of the initial values, judging by the answers. */
  readonly unsettledKeys: readonly string[]
}

/** Throws HistoryError if the history has other operations than those of registers. */
export function accessesOf(history: readonly HistoryEvent[], initial: Json | undefined): Accesses {
  const plain = plainHistory(history)
  const operations = operationsOf(plain)
  const initials = initialsOf(plain, initial)
  const values = new Interning()
  const initialIds = new Set(initials.map((value) => values.idOf(value)))
  const drafts = draftsOf(operations)
  refuseOverlaps(drafts)
  const origins = new Origins(operations, values, initialIds)
  const idOf = (value: Json | undefined): number | undefined =>
    value === undefined ? undefined : values.idOf(value)
  const all = drafts.map(({ shown, avoided }, id) => ({
    ...shown,
    id,
    answers: [] as Answer[],
    leftId: idOf(shown.left),
    avoidedId: idOf(avoided),
  }))
  for (const access of all) if (access.left !== undefined) origins.add(access)
  for (const [id, { returned }] of drafts.entries()) {
    const access = all[id] as (typeof all)[number]
    access.answers.push(...returned.map((value) => origins.answerOf(access, value)))
  }
  return {
    all,
    operations,
    history: plain,
    initial: initials,
    initialIds,
    unsettledKeys: unsettledKeysOf(all, initialIds),
  }
}

/** Bounds the memory of histories that write few different values over and over. */
const GIVERS_MAX = 16

/** Whether the answer can come from one place only. */
export function isPlain({ giverCount, canBeInitial }: Answer): boolean {
  return giverCount + (canBeInitial ? 1 : 0) === 1
}

/**
 * The events with plain values. Clients of siblings say which values a write replaces, and read lists; a list of no value
 * or of one is that value here. If lists are written, they are values like others.
 */
function plainHistory(history: readonly HistoryEvent[]): readonly HistoryEvent[] {
  const hasLists = history.some(({ f, value }) => f === 'write' && isList(value))
  return history.map((event) => {
    const { f, value } = event
    if (f === 'read' && isList(value) && value.length < 2 && !hasLists) {
      return { ...event, value: value[0] ?? null }
    }
    const hasContext =
      (f === 'write' || f === 'delete') && isMap(value) && value['saw'] !== undefined
    return hasContext ? { ...event, value: value['write'] ?? null } : event
  })
}

/** Jepsen's registers may begin with 0, which is never told if reads of `nil` are. */
function initialsOf(history: readonly HistoryEvent[], initial: Json | undefined): readonly Json[] {
  if (initial !== undefined) return [initial]
  return history.some(({ isUntold }) => isUntold) ? [null, 0] : [null]
}

interface Draft {
  readonly shown: Omit<Access, 'id' | 'answers' | 'leftId' | 'avoidedId'>
  readonly returned: readonly Json[]
  readonly avoided: Json | undefined
}

/** Leaves out the operations that neither show nor change anything. */
function draftsOf(operations: readonly Operation[]): Draft[] {
  const hasLists = operations.some(({ f, input }) => f === 'write' && isList(input))
  return operations.flatMap((operation) => {
    const { f, session, outcome, input, output, error, isUntold, key = '' } = operation
    const isCertain = outcome !== 'info'
    const draft = (
      returned: readonly Json[],
      left: Json | undefined,
      avoided?: Json,
    ): readonly Draft[] => [
      { shown: { operation, key, session, isCertain, left }, returned, avoided },
    ]
    switch (f) {
      case 'read':
        if (outcome !== 'ok' || isUntold) return []
        return draft(isList(output) && !hasLists ? output : [output], undefined)
      case 'write':
        return outcome === 'fail' ? [] : draft([], input)
      case 'delete':
        return outcome === 'fail' ? [] : draft([], null)
      case 'cas': {
        const [expected, next] = pairOf(operation)
        if (outcome !== 'fail') return draft([expected], next)
        return error === MISMATCH ? draft([], undefined, expected) : []
      }
      default:
        throw new HistoryError(
          0,
          `event ${operation.firstIndex}: levels exist only for histories of read, write, delete and cas; this one has "${f}"`,
        )
    }
  })
}

function pairOf({ input, firstIndex }: Operation): readonly [Json, Json] {
  if (isList(input) && input.length === 2) return input as readonly [Json, Json]
  throw new HistoryError(0, `event ${firstIndex}: the value of a cas must be [expected, new]`)
}

/** Refuses sessions with overlapping operations, because these have no order. An unknown outcome may overlap. */
function refuseOverlaps(drafts: readonly Draft[]): void {
  const last = new Map<number, Operation>()
  for (const { shown } of drafts) {
    const { operation, session, isCertain } = shown
    if (!isCertain) continue
    const before = last.get(session)
    if (before !== undefined && before.lastIndex > operation.firstIndex) {
      throw new HistoryError(
        0,
        `event ${operation.firstIndex}: session ${session} begins an operation while its operation of event ${before.firstIndex} is still open`,
      )
    }
    last.set(session, operation)
  }
}

/** Finds the origins of answers. */
class Origins {
  readonly #values: Interning
  readonly #initials: ReadonlySet<number>
  /** By key and value, in the order of invocation. */
  readonly #givers = new Map<string, Map<number, Access[]>>()
  readonly #rejected = new Map<string, Map<number, Operation>>()

  constructor(
    operations: readonly Operation[],
    values: Interning,
    initialIds: ReadonlySet<number>,
  ) {
    this.#values = values
    this.#initials = initialIds
    for (const operation of operations) {
      const { f, outcome, input, key = '' } = operation
      if (outcome !== 'fail' || f === 'read') continue
      const value = f === 'write' ? input : f === 'cas' ? pairOf(operation)[1] : null
      mapIn(this.#rejected, key).set(values.idOf(value), operation)
    }
  }

  add(access: Access): void {
    const ofKey = mapIn(this.#givers, access.key)
    const id = access.leftId as number
    const same = ofKey.get(id) ?? []
    ofKey.set(id, same)
    same.push(access)
  }

  answerOf(reader: Access, value: Json): Answer {
    const id = this.#values.idOf(value)
    const canBeInitial = this.#initials.has(id)
    const all = this.#givers.get(reader.key)?.get(id) ?? []
    // An operation of unknown outcome may take effect long after its last event.
    const end = reader.isCertain ? reader.operation.lastIndex : Infinity
    const begun = countWhere(all, ({ operation }) => operation.firstIndex < end)
    const giverCount = begun - (reader.leftId === id ? 1 : 0)
    const newest = all.slice(Math.max(0, begun - GIVERS_MAX - 1), begun)
    const givers = newest.filter((giver) => giver !== reader).slice(-GIVERS_MAX)
    const origins = { value, valueId: id, givers, giverCount, canBeInitial }
    if (giverCount > 0 || canBeInitial) return { ...origins, fault: undefined }
    const rejected = this.#rejected.get(reader.key)?.get(id)
    const late = all.find((giver) => giver !== reader)?.operation
    const why = late !== undefined ? 'late' : rejected !== undefined ? 'rejected' : 'unwritten'
    return { ...origins, fault: { why, writer: late ?? rejected } }
  }
}

function mapIn<K, V>(maps: Map<string, Map<K, V>>, key: string): Map<K, V> {
  const own = maps.get(key) ?? new Map<K, V>()
  maps.set(key, own)
  return own
}

function unsettledKeysOf(all: readonly Access[], initialIds: ReadonlySet<number>): string[] {
  if (initialIds.size < 2) return []
  const needed = new Map<string, Set<number>>()
  for (const { key, answers, avoidedId } of all) {
    const own = needed.get(key) ?? new Set<number>()
    needed.set(key, own)
    for (const { valueId, canBeInitial } of answers) if (canBeInitial) own.add(valueId)
    if (avoidedId === undefined || !initialIds.has(avoidedId)) continue
    for (const id of initialIds) if (id !== avoidedId) own.add(id)
  }
  return [...needed].filter(([, ids]) => ids.size > 1).map(([key]) => key)
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

function isMap(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !isList(value)
}
