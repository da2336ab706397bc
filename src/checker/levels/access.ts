/**
 * The operations on the registers of a history, in one form: what each returned, and what it left in its register.
 *
 * An answer says which value a read returned, but not which write it saw. The writes that may have left the value are
 * the origins of the answer: all writes of the value to the key that had begun when the read ended, or the initial
 * value. A failed compare-and-set saw any other value than the expected one. If each answer has one origin, every level
 * can be decided from the origins.
 *
 * At every level no client can see a value before its write has begun. The definitions of the levels below linearizable
 * do not speak of time, but no store can return a value that nobody has sent yet.
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
  /** What it saw in the register: siblings are several values. Empty if it saw nothing. */
  readonly answers: readonly Answer[]
  /** What it left in the register; null if it deleted the key; undefined if it changed nothing. */
  readonly left: Json | undefined
  /** Equal values have equal numbers; undefined if it changed nothing. */
  readonly leftId: number | undefined
}

export interface Answer {
  /** What the register held: null if the key was absent. If `isOther`, what it did not hold. */
  readonly value: Json
  readonly valueId: number
  /** Whether it tells only that the register held another value, as a failed compare-and-set does. */
  readonly isOther: boolean
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
  /** Keys that may have begun with several of the initial values, judging by the answers. */
  readonly unsettledKeys: readonly string[]
}

/** Throws HistoryError if the history has other operations than those of registers. */
export function accessesOf(history: readonly HistoryEvent[], initial: Json | undefined): Accesses {
  const withoutContexts = history.map(withoutContext)
  const hasLists = holdsLists(withoutContexts, initial)
  const plain = hasLists ? withoutContexts : withoutContexts.map(withoutSmallLists)
  const operations = operationsOf(plain)
  const initials = initialsOf(plain, initial)
  const values = new Interning()
  const initialIds = new Set(initials.map((value) => values.idOf(value)))
  const drafts = draftsOf(operations, hasLists)
  refuseOverlaps(drafts)
  const origins = new Origins(operations, values, initialIds)
  const all = drafts.map(({ shown }, id) => ({
    ...shown,
    id,
    answers: [] as Answer[],
    leftId: shown.left === undefined ? undefined : values.idOf(shown.left),
  }))
  for (const access of all) if (access.left !== undefined) origins.add(access)
  for (const [id, { seen, isOther }] of drafts.entries()) {
    const access = all[id] as (typeof all)[number]
    access.answers.push(...seen.map((value) => origins.answerOf(access, value, isOther)))
  }
  return {
    all,
    operations,
    history: plain,
    initial: initials,
    unsettledKeys: unsettledKeysOf(all, initialIds),
  }
}

/** Bounds the memory of histories that write few different values over and over. */
const GIVERS_MAX = 16

/** Whether the answer can come from one place only. */
export function isPlain({ giverCount, canBeInitial }: Answer): boolean {
  return giverCount + (canBeInitial ? 1 : 0) === 1
}

/** Whether the reader can have had the answer while the register held what `giver` left, or the initial value. */
export function isExplained(answer: Answer, reader: Access, giver: Access | undefined): boolean {
  if (giver === undefined) return answer.canBeInitial
  if ((giver.leftId === answer.valueId) === answer.isOther) return false
  return giver.operation.firstIndex < lastMoment(reader)
}

/** The event before which a write must have begun, if the access saw it. An unknown outcome may come at any time. */
function lastMoment({ isCertain, operation }: Access): number {
  return isCertain ? operation.lastIndex : Infinity
}

/** Clients of siblings say which values a write replaces. */
function withoutContext(event: HistoryEvent): HistoryEvent {
  const { f, value } = event
  const hasContext = (f === 'write' || f === 'delete') && isMap(value) && value['saw'] !== undefined
  return hasContext ? { ...event, value: value['write'] ?? null } : event
}

/** Whether the registers hold lists. If not, a read that returned a list saw siblings. */
function holdsLists(history: readonly HistoryEvent[], initial: Json | undefined): boolean {
  if (isList(initial ?? null)) return true
  return history.some(({ f, value }) => {
    if (f === 'cas') return isList(value) && value.some(isList)
    return f === 'write' && isList(value)
  })
}

/** Clients of siblings read lists. A list of no value or of one is that value, and equal siblings count once. */
function withoutSmallLists(event: HistoryEvent): HistoryEvent {
  const { f, value } = event
  if (f !== 'read' || !isList(value)) return event
  const different = [...new Map(value.map((each) => [JSON.stringify(each), each])).values()]
  return { ...event, value: different.length > 1 ? different : (different[0] ?? null) }
}

/** Jepsen's registers may begin with 0, which is never told if reads of `nil` are. */
function initialsOf(history: readonly HistoryEvent[], initial: Json | undefined): readonly Json[] {
  if (initial !== undefined) return [initial]
  return history.some(({ isUntold }) => isUntold) ? [null, 0] : [null]
}

interface Draft {
  readonly shown: Omit<Access, 'id' | 'answers' | 'leftId'>
  /** The values that it saw, or the one that it did not see. */
  readonly seen: readonly Json[]
  readonly isOther: boolean
}

/** Leaves out the operations that neither show nor change anything. */
function draftsOf(operations: readonly Operation[], hasLists: boolean): Draft[] {
  return operations.flatMap((operation) => {
    const { f, session, outcome, input, output, error, isUntold, key = '' } = operation
    const isCertain = outcome !== 'info'
    const draft = (
      seen: readonly Json[],
      left: Json | undefined,
      isOther = false,
    ): readonly Draft[] => [{ shown: { operation, key, session, isCertain, left }, seen, isOther }]
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
        return error === MISMATCH ? draft([expected], undefined, true) : []
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

/** The writes of a key, in the order of invocation. */
interface KeyGivers {
  readonly all: Access[]
  /** For each of them the place of the newest earlier one that left another value; -1 if there is none. */
  readonly otherBefore: number[]
  readonly byValue: Map<number, Access[]>
}

/** Finds the origins of answers. */
class Origins {
  readonly #values: Interning
  readonly #initials: ReadonlySet<number>
  readonly #givers = new Map<string, KeyGivers>()
  /** By key and value. */
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
      const own = this.#rejected.get(key) ?? new Map<number, Operation>()
      this.#rejected.set(key, own.set(values.idOf(value), operation))
    }
  }

  add(access: Access): void {
    const { all, otherBefore, byValue } = this.#giversOf(access.key)
    const id = access.leftId as number
    const last = all.length - 1
    const isSame = all[last]?.leftId === id
    otherBefore.push(isSame ? (otherBefore[last] as number) : last)
    all.push(access)
    const same = byValue.get(id) ?? []
    byValue.set(id, same)
    same.push(access)
  }

  answerOf(reader: Access, value: Json, isOther: boolean): Answer {
    const valueId = this.#values.idOf(value)
    const isSeen = (id: number | undefined): boolean => (id === valueId) !== isOther
    const canBeInitial = [...this.#initials].some(isSeen)
    const ofKey = this.#giversOf(reader.key)
    const same = ofKey.byValue.get(valueId) ?? []
    const end = lastMoment(reader)
    const isBegun = ({ operation }: Access): boolean => operation.firstIndex < end
    const begun = countWhere(same, isBegun)
    const begunOfKey = isOther ? countWhere(ofKey.all, isBegun) : 0
    const own = !isOther && reader.leftId === valueId ? 1 : 0
    const giverCount = isOther ? begunOfKey - begun : begun - own
    const givers = isOther
      ? newestOthers(ofKey, begunOfKey, valueId)
      : same
          .slice(Math.max(0, begun - GIVERS_MAX - own), begun)
          .filter((giver) => giver !== reader)
          .slice(-GIVERS_MAX)
    const origins = { value, valueId, isOther, givers, giverCount, canBeInitial }
    if (giverCount > 0 || canBeInitial) return { ...origins, fault: undefined }
    const rejected = this.#rejectedBy(reader, isSeen)
    const late = ofKey.all.find((giver) => giver !== reader && isSeen(giver.leftId))?.operation
    const why = late !== undefined ? 'late' : rejected !== undefined ? 'rejected' : 'unwritten'
    return { ...origins, fault: { why, writer: late ?? rejected } }
  }

  /** Another rejected write of such a value. */
  #rejectedBy(
    { key, operation }: Access,
    isSeen: (valueId: number) => boolean,
  ): Operation | undefined {
    const ofKey = [...(this.#rejected.get(key) ?? [])]
    return ofKey.find(([valueId, other]) => isSeen(valueId) && other !== operation)?.[1]
  }

  #giversOf(key: string): KeyGivers {
    const own = this.#givers.get(key) ?? { all: [], otherBefore: [], byValue: new Map() }
    this.#givers.set(key, own)
    return own
  }
}

/** The newest writes of the key that left another value, among those that have begun. */
function newestOthers(
  { all, otherBefore }: KeyGivers,
  begun: number,
  valueId: number,
): readonly Access[] {
  const found: Access[] = []
  let place = begun - 1
  while (place >= 0 && found.length < GIVERS_MAX) {
    const giver = all[place] as Access
    if (giver.leftId === valueId) {
      place = otherBefore[place] as number
      continue
    }
    found.push(giver)
    place--
  }
  return found.reverse()
}

function unsettledKeysOf(all: readonly Access[], initialIds: ReadonlySet<number>): string[] {
  if (initialIds.size < 2) return []
  const needed = new Map<string, Set<number>>()
  for (const { key, answers } of all) {
    const own = needed.get(key) ?? new Set<number>()
    needed.set(key, own)
    for (const { valueId, isOther } of answers) {
      if (!initialIds.has(valueId)) continue
      for (const id of initialIds) if ((id === valueId) !== isOther) own.add(id)
    }
  }
  return [...needed].filter(([, ids]) => ids.size > 1).map(([key]) => key)
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

function isMap(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !isList(value)
}
