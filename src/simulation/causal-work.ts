/**
 * The workload `causal`: sessions that move between nodes, read and write keys of two buckets, mostly at `causal`, and
 * give each answer's past with the next request. Every write has a value of its own and the past of its session, so
 * it is known of any two which is before the other: a causal read never gives only what is before a write of the
 * key that its session has in its past, and no read gives a value beside one whose session had seen it.
 */
import { assert } from '../core/assert.ts'
import {
  EMPTY_SESSION,
  SESSION_BYTES_MAX,
  type Session,
  sessionBytes,
} from '../core/causality/session.ts'
import { hashText } from '../core/hash/text-hash.ts'
import type { PlainLevel } from '../core/quorum/level.ts'
import type { ReadAnswer } from '../node/service.ts'
import { requestOptions, type Outcome, type Via, type Work } from './client.ts'
import { chooseKey } from './value-work.ts'
import { Violation } from './violation.ts'

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

/** Session number → how many of its writes are in the past. */
type Clock = ReadonlyMap<number, number>

interface CausalWrite {
  readonly value: string
  readonly session: number
  /** Its place among the writes of its session, from 1. */
  readonly place: number
  /** All that was before it, itself included. */
  readonly past: Clock
  /** Whether it replaces all that its session has seen of the key: a blind one at `causal`. */
  readonly isReplacing: boolean
  isRejected: boolean
}

/** A client's session: what the store says that it has seen, and what it really has. */
interface OpenSession {
  readonly number: number
  token: Session
  past: Map<number, number>
  writes: number
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
    const place = ++session.writes
    const value = `${shortOf(key)}:${nextId++}`
    const past = new Map(session.past).set(session.number, place)
    const made: CausalWrite = {
      value,
      session: session.number,
      place,
      past,
      isReplacing: level === 'causal',
      isRejected: false,
    }
    written.set(value, made)
    byKey.get(key)?.push(made)
    const content = {
      value: new TextEncoder().encode(value),
      contentType: 'text/plain',
      tombstone: false,
      expiresAtMs: 0,
    }
    via.call(
      `put ${value} ${level} s${session.number}`,
      (service) => service.put({ ...asked(key, level), content, session: session.token }),
      (outcome) => {
        made.isRejected = outcome.type === 'rejected'
        if (outcome.type === 'ok' && level !== 'weak') {
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

/** Throws where all that was read is before a write that is in the past of the session; so is nothing. */
function refuseStale(
  writes: readonly CausalWrite[],
  past: Clock,
  read: readonly CausalWrite[],
  key: string,
): void {
  for (const write of writes) {
    if (write.isRejected || !isIn(past, write)) continue
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
    const by = read.find((other) => other !== write && other.isReplacing && isIn(other.past, write))
    if (by === undefined) continue
    throw new Violation(
      'causal',
      `${write.value} is read beside ${by.value}, which had replaced it`,
      shortOf(key),
    )
  }
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
