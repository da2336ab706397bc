/**
 * The workload `causal`: sessions move between nodes, and read, write and delete keys of two buckets, mostly at
 * `causal`. Each request carries the session of the last answer.
 *
 * Every write has a unique value and the past of its session. So the workload knows for any two writes which comes
 * first, and for each write what it replaces. It checks three rules. If the session's past contains a write of the key,
 * a causal read returns not only older values. It returns no value that a write or delete in the session's past has
 * replaced. No read returns a value beside one that had replaced it.
 */
import { assert } from '../../core/assert.ts'
import {
  EMPTY_SESSION,
  SESSION_BYTES_MAX,
  type Session,
  sessionBytes,
} from '../../core/causality/session.ts'
import type { VersionVector } from '../../core/causality/version-vector.ts'
import { hashText } from '../../core/hash/text-hash.ts'
import type { PlainLevel } from '../../core/quorum/level.ts'
import type { ReadAnswer } from '../../node/service/service.ts'
import { requestOptions, type Via } from './client.ts'
import { chooseKey } from './value-work.ts'
import { Violation } from '../checks/violation.ts'
import { readEach, type Workload } from './client-workload.ts'

const BUCKETS = ['default', 'latest'] as const
/** Some requests of a session have other levels. */
const LEVELS: readonly PlainLevel[] = [
  'causal',
  'causal',
  'causal',
  'causal',
  'causal',
  'causal',
  'eventual',
  'quorum',
  'weak',
]
/** Makes names so long that the past of a session reaches its bound. */
const LONG_NAME = 'x'.repeat(400)
const SESSION_END_PERCENT = 4
const DELETE_PERCENT = 10
/** The percentage of writes that carry a context, if the session has read the key. */
const WITH_CONTEXT_PERCENT = 30

/** For each session number, how many of its writes are in the past. */
type Clock = ReadonlyMap<number, number>

interface CausalWrite {
  readonly value: string
  readonly session: number
  /** Its position among the writes of its session, from 1. */
  readonly place: number
  /** All writes before it, itself included. */
  readonly past: Clock
  readonly isDelete: boolean
  /** With a context, the writes that were read with it. Without one, at `causal`, everything in its past. */
  readonly replaces: 'past' | readonly CausalWrite[]
  isRejected: boolean
  readonly startUs: number
  /** Infinity as long as the write may still take effect. */
  endUs: number
}

/** The last read of a key. */
interface LastRead {
  readonly context: VersionVector
  readonly writes: readonly CausalWrite[]
}

/** A client's session: the token of the store, and the past that the session has really seen. */
interface OpenSession {
  readonly number: number
  token: Session
  past: Map<number, number>
  writes: number
  /** The last read of each key. */
  readonly reads: Map<string, LastRead>
}

export function causalWork(names: readonly string[]): Workload {
  const keys = names.flatMap((name) =>
    BUCKETS.map((bucket) => {
      const isLong = hashText(name) % 2 === 0
      return `${bucket}/${isLong ? `${name}-${LONG_NAME}` : name}`
    }),
  )
  const written = new Map<string, CausalWrite>()
  const byKey = new Map<string, CausalWrite[]>(keys.map((key) => [key, []]))
  const sessions = new Map<string, OpenSession>()
  let begun = 0
  let nextId = 0

  const begin = (): OpenSession => ({
    number: begun++,
    token: EMPTY_SESSION,
    past: new Map(),
    writes: 0,
    reads: new Map(),
  })

  const read = (
    via: Via,
    session: OpenSession,
    key: string,
    level: PlainLevel,
    done: () => void,
  ): void => {
    via.call(
      `get ${shortOf(key)} ${level} s${session.number}`,
      (service) => service.get({ ...asked(key, level), session: session.token }),
      (outcome) => {
        if (outcome.type === 'ok') {
          const writes = valuesOf(outcome.answer).map((value) => known(written, value, key))
          throwIfReplaced(writes, key)
          if (level === 'causal') throwIfStale(byKey.get(key) ?? [], session.past, writes, key)
          for (const { past } of writes) join(session.past, past)
          session.token = tokenOf(outcome.answer)
          session.reads.set(key, { context: outcome.answer.context, writes })
        }
        done()
      },
    )
  }

  const write = (
    via: Via,
    client: string,
    session: OpenSession,
    key: string,
    level: PlainLevel,
    done: () => void,
  ): void => {
    const isDelete = mayDelete(key) && via.random.chance(DELETE_PERCENT)
    const lastRead = isLastWriterWins(key) ? undefined : session.reads.get(key)
    const replaced = via.random.chance(WITH_CONTEXT_PERCENT) ? lastRead : undefined
    const place = ++session.writes
    const value = `${shortOf(key)}:${nextId++}`
    const past = new Map(session.past).set(session.number, place)
    const made: CausalWrite = {
      value,
      session: session.number,
      place,
      past,
      isDelete,
      replaces: replaced?.writes ?? (level === 'causal' ? 'past' : []),
      isRejected: false,
      startUs: via.nowUs(),
      endUs: Infinity,
    }
    written.set(value, made)
    byKey.get(key)?.push(made)
    const content = {
      value: new TextEncoder().encode(isDelete ? '' : value),
      contentType: isDelete ? '' : 'text/plain',
      tombstone: isDelete,
      expiresAtMs: 0,
    }
    const context = replaced?.context
    const verb = isDelete ? 'delete' : 'put'
    via.call(
      `${verb} ${value} ${level} s${session.number}${context === undefined ? '' : ' with context'}`,
      (service) => service.put({ ...asked(key, level), content, context, session: session.token }),
      (outcome) => {
        made.isRejected = outcome.type === 'rejected'
        if (outcome.type === 'ok' && level !== 'weak') {
          made.endUs = via.nowUs()
          session.past.set(session.number, place)
          session.token = tokenOf(outcome.answer)
        } else if (outcome.type !== 'rejected') {
          // The outcome of the write is unknown, so later requests do not come after it. They form a new session.
          sessions.set(client, { ...begin(), token: session.token, past: new Map(session.past) })
        }
        done()
      },
    )
  }

  return {
    work: {
      turn: (via, done) => {
        const { client, random } = via
        const session = sessions.get(client) ?? begin()
        sessions.set(client, session)
        if (random.chance(SESSION_END_PERCENT)) sessions.set(client, begin())
        const key = chooseKey(keys, random)
        const level = LEVELS[random.below(LEVELS.length)] as PlainLevel
        if (random.chance(60)) read(via, session, key, level, done)
        else write(via, client, session, key, level, done)
      },
    },
    readAll: readEach(
      keys,
      (key) => ({ label: shortOf(key), options: asked(key, 'all') }),
      (_via, key, answer) => {
        for (const value of valuesOf(answer)) known(written, value, key)
      },
    ),
  }
}

/**
 * Throws if a write in the session's past has replaced a value that was read, or if all values that were read come
 * before such a write. An empty read comes before any write, unless a delete may have come after that write.
 */
function throwIfStale(
  writes: readonly CausalWrite[],
  past: Clock,
  read: readonly CausalWrite[],
  key: string,
): void {
  for (const write of writes) {
    if (write.isRejected || !isIn(past, write)) continue
    const undone = read.find((other) => other !== write && isReplaced(other, write))
    if (undone !== undefined) {
      throw new Violation(
        'causal',
        `a causal read returned ${undone.value}, but ${nameOf(write)} had replaced it in the causal past of the session`,
        shortOf(key),
      )
    }
    if (write.isDelete || mayBeDeleted(write, writes, key)) continue
    if (read.some((other) => other === write || !isIn(write.past, other))) continue
    const found = read.length === 0 ? 'no value' : read.map(({ value }) => value).join(', ')
    throw new Violation(
      'causal',
      `a causal read returned ${found}, but the causal past of the session contains the newer ${write.value}`,
      shortOf(key),
    )
  }
}

/** Throws if a value is read beside one that had replaced it. */
function throwIfReplaced(read: readonly CausalWrite[], key: string): void {
  for (const write of read) {
    const by = read.find((other) => other !== write && isReplaced(write, other))
    if (by === undefined) continue
    throw new Violation(
      'causal',
      `a read returned ${write.value} as a sibling of ${by.value}, which had replaced it`,
      shortOf(key),
    )
  }
}

function isReplaced(write: CausalWrite, { replaces, past }: CausalWrite): boolean {
  return replaces === 'past' ? isIn(past, write) : replaces.includes(write)
}

/** Whether a concurrent or later delete may have removed it. With last-writer-wins, a clock that was ahead suffices. */
function mayBeDeleted(
  { past, startUs }: CausalWrite,
  writes: readonly CausalWrite[],
  key: string,
): boolean {
  const fromUs = isLastWriterWins(key) ? 0 : startUs
  return writes.some(
    (other) => other.isDelete && !other.isRejected && !isIn(past, other) && other.endUs >= fromUs,
  )
}

/** With last-writer-wins, some keys are never deleted, so that it is certain what they must contain. */
function mayDelete(key: string): boolean {
  return !isLastWriterWins(key) || key.endsWith(LONG_NAME)
}

function isLastWriterWins(key: string): boolean {
  return key.startsWith('latest/')
}

function nameOf({ isDelete, value }: CausalWrite): string {
  return isDelete ? `the delete ${value}` : value
}

function isIn(past: Clock, { session, place }: CausalWrite): boolean {
  return (past.get(session) ?? 0) >= place
}

function join(past: Map<number, number>, other: Clock): void {
  for (const [session, place] of other) {
    if ((past.get(session) ?? 0) < place) past.set(session, place)
  }
}

function known(written: ReadonlyMap<string, CausalWrite>, value: string, key: string): CausalWrite {
  const write = written.get(value)
  if (write === undefined) {
    throw new Violation('invented', `a read returned ${value}, but nobody wrote it`, shortOf(key))
  }
  if (write.isRejected) {
    throw new Violation(
      'rejected',
      `a read returned ${value}, but its write was rejected`,
      shortOf(key),
    )
  }
  return write
}

function tokenOf({ session }: { readonly session?: Session | undefined }): Session {
  assert(session !== undefined, 'a request in a session is answered with one')
  if (sessionBytes(session) > SESSION_BYTES_MAX) {
    throw new Violation(
      'bounds',
      `a session token has ${sessionBytes(session)} bytes; at most ${SESSION_BYTES_MAX} are allowed`,
    )
  }
  return session
}

function asked(name: string, level: PlainLevel): ReturnType<typeof requestOptions> {
  const slash = name.indexOf('/')
  return requestOptions({ bucket: name.slice(0, slash), key: name.slice(slash + 1), level })
}

function valuesOf({ siblings }: ReadAnswer): string[] {
  return siblings.map(({ value }) => new TextDecoder().decode(value))
}

function shortOf(name: string): string {
  return name.replace(`-${LONG_NAME}`, '')
}
