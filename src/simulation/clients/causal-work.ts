/**
 * The workload `causal`: sessions that move between nodes, read, write and delete keys of two buckets, mostly at
 * `causal`, and give each answer's past with the next request. Every write has a value of its own and the past of its
 * session, so it is known of any two which is before the other, and of each what it replaces: a causal read never gives
 * only what is before a write of the key that its session has in its past, nor anything that such a write, or such
 * a delete, has replaced; and no read gives a value beside one that had replaced it.
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
import { requestOptions, type Outcome, type Via, type Work } from './client.ts'
import { chooseKey } from './value-work.ts'
import { Violation } from '../checks/violation.ts'

const BUCKETS = ['default', 'latest'] as const
/** Other levels take part in a session, too. */
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
/** Names so long that a past meets its bound. */
const LONG_NAME = 'x'.repeat(400)
const SESSION_END_PERCENT = 4
const DELETE_PERCENT = 10
/** Of the writes of a key that the session has read. */
const WITH_CONTEXT_PERCENT = 30

/** Session number → how many of its writes are in the past. */
type Clock = ReadonlyMap<number, number>

interface CausalWrite {
  readonly value: string
  readonly session: number
  /** Its place among the writes of its session, from 1. */
  readonly place: number
  /** All that was before it, itself included. */
  readonly past: Clock
  readonly isDelete: boolean
  /** With a context what was read with it; without one, at `causal`, all that is in its past. */
  readonly replaces: 'past' | readonly CausalWrite[]
  isRejected: boolean
  readonly startUs: number
  /** Infinity as long as it may still be made. */
  endUs: number
}

/** What was read last of a key. */
interface LastRead {
  readonly context: VersionVector
  readonly writes: readonly CausalWrite[]
}

/** A client's session: what the store says that it has seen, and what it really has. */
interface OpenSession {
  readonly number: number
  token: Session
  past: Map<number, number>
  writes: number
  /** By key. */
  readonly reads: Map<string, LastRead>
}

export interface CausalWork {
  readonly work: Work
  readonly readAll: (via: Via, done: (unread: number) => void) => void
}

export function causalWork(names: readonly string[]): CausalWork {
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
          refuseReplaced(writes, key)
          if (level === 'causal') refuseStale(byKey.get(key) ?? [], session.past, writes, key)
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
          // What becomes of the write is not known, so what follows does not come after it: another session goes on.
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
    readAll: (via, done) => {
      let waiting = keys.length
      let unread = 0
      for (const key of keys) {
        via.call(
          `final get ${shortOf(key)}`,
          (service) => service.get(asked(key, 'all')),
          (outcome: Outcome<ReadAnswer>) => {
            if (outcome.type !== 'ok') unread++
            else for (const value of valuesOf(outcome.answer)) known(written, value, key)
            if (--waiting === 0) done(unread)
          },
        )
      }
    },
  }
}

/**
 * Throws where what was read has been replaced by a write in the past of the session; or is all before such a write;
 * so is nothing, but where a delete may have come after it.
 */
function refuseStale(
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
        `${undone.value} is read, which ${nameOf(write)}, in the past of the session, had replaced`,
        shortOf(key),
      )
    }
    if (write.isDelete || mayBeDeleted(write, writes, key)) continue
    if (read.some((other) => other === write || !isIn(write.past, other))) continue
    const what = read.length === 0 ? 'nothing' : read.map(({ value }) => value).join(', ')
    throw new Violation(
      'causal',
      `${what} is read, and ${write.value}, which is in the past of the session, came after it`,
      shortOf(key),
    )
  }
}

/** Throws where a value is read beside one that had replaced it. */
function refuseReplaced(read: readonly CausalWrite[], key: string): void {
  for (const write of read) {
    const by = read.find((other) => other !== write && isReplaced(write, other))
    if (by === undefined) continue
    throw new Violation(
      'causal',
      `${write.value} is read beside ${by.value}, which had replaced it`,
      shortOf(key),
    )
  }
}

function isReplaced(write: CausalWrite, { replaces, past }: CausalWrite): boolean {
  return replaces === 'past' ? isIn(past, write) : replaces.includes(write)
}

/** By one that was made after it, or at the same time; or by a clock that was ahead, where the last writer wins. */
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

/** Where the last writer wins not every key is deleted: of the others it is certain what has to be there. */
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
    throw new Violation('invented', `${value} was read, and nobody wrote it`, shortOf(key))
  }
  if (write.isRejected) {
    throw new Violation('rejected', `${value} was rejected, and is read`, shortOf(key))
  }
  return write
}

function tokenOf({ session }: { readonly session?: Session | undefined }): Session {
  assert(session !== undefined, 'a request in a session is answered with one')
  if (sessionBytes(session) > SESSION_BYTES_MAX) {
    throw new Violation('bounds', `a session of ${sessionBytes(session)} bytes`)
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
