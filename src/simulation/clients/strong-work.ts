/**
 * The workload `strong`: clients read, write, delete and compare-and-set a few strong keys. On half of the keys they
 * send a write of unknown outcome again, under the same idempotency key. All operations are recorded as a history, and
 * the checker, which knows nothing of the store, decides whether each key is linearizable.
 */
import { casRegisterModel } from '../../checker/models/linear-models.ts'
import { MISMATCH } from '../../checker/history/history.ts'
import type { EventType, HistoryEvent, Json } from '../../checker/history/history.ts'
import { entityTag } from '../../core/causality/entity-tag.ts'
import type { Condition } from '../../core/consensus/register.ts'
import type { PlainLevel } from '../../core/quorum/level.ts'
import type { ReadAnswer, WriteAnswer } from '../../node/service/service.ts'
import { type Outcome, REQUEST_TIMEOUT_MS, type Via } from './client.ts'
import { chooseKey } from './value-work.ts'
import { Violation } from '../checks/violation.ts'
import type { Workload } from './client-workload.ts'

const NO_VALUE = new Uint8Array(0)
const READ_PERCENT = 40
const WEAK_READ_PERCENT = 5
const DELETE_PERCENT = 10
const CONDITION_PERCENT = 40
const RETRIES_MAX = 2
const WEAK_LEVELS: readonly PlainLevel[] = ['weak', 'eventual', 'quorum', 'all']
/** The checker's limits. They are far above the needs of a run, because at a limit the verdict would be *unknown*. */
const CHECK_MS = 60_000
const CHECK_BYTES = 1_000_000_000

/** The last state of a key that a client has seen. */
interface Seen {
  readonly value: Json
  readonly tag: string | undefined
}

export function strongWork(bucket: string, keys: readonly string[]): Workload {
  const events: HistoryEvent[] = []
  const written = new Set<Json>()
  const seen = new Map<string, Seen>()
  const processes = new Map<string, number>()
  let nextProcess = 0
  let nextValue = 1

  const processOf = (client: string): number => {
    const process = processes.get(client) ?? nextProcess++
    processes.set(client, process)
    return process
  }
  const note = (
    via: Via,
    type: EventType,
    operation: { readonly f: string; readonly key: string; readonly value: Json },
    error?: string,
  ): void => {
    const event = { index: events.length, time: via.nowUs() * 1000, type, ...operation }
    const process = processOf(via.client)
    events.push(error === undefined ? { ...event, process } : { ...event, process, error })
    // After an unknown outcome the client continues as a new process, because the operation may still be under way.
    if (type === 'info') processes.delete(via.client)
  }

  const read = (via: Via, key: string, done: (isRead: boolean) => void): void => {
    note(via, 'invoke', { f: 'read', key, value: null })
    via.call(
      `get ${key}`,
      (service) => service.get({ ...asked(bucket, key), level: 'strong' }),
      (outcome) => {
        if (outcome.type === 'ok') {
          const value = valueOf(outcome.answer)
          seen.set(`${via.client}/${key}`, { value, tag: tagOf(outcome.answer) })
          note(via, 'ok', { f: 'read', key, value })
        } else note(via, 'fail', { f: 'read', key, value: null }, outcome.error)
        done(outcome.type === 'ok')
      },
    )
  }

  /** Reads at a weak level. The value may be old, or not decided yet, but somebody must have written it. */
  const readWeakly = (via: Via, key: string, done: () => void): void => {
    const level = WEAK_LEVELS[via.random.below(WEAK_LEVELS.length)] as PlainLevel
    via.call(
      `get ${key} ${level}`,
      (service) => service.get({ ...asked(bucket, key), level }),
      (outcome) => {
        const value = outcome.type === 'ok' ? valueOf(outcome.answer) : null
        if (value !== null && !written.has(value)) {
          throw new Violation(
            'invented',
            `a read returned ${JSON.stringify(value)}, but nobody wrote it`,
            key,
          )
        }
        done()
      },
    )
  }

  const write = (via: Via, key: string, done: () => void): void => {
    const { random, client } = via
    const isDelete = random.chance(DELETE_PERCENT)
    const value = isDelete ? null : nextValue++
    written.add(value)
    const retries = isRetried(key) ? RETRIES_MAX : 0
    const known = random.chance(CONDITION_PERCENT) ? seen.get(`${client}/${key}`) : undefined
    const operation =
      known === undefined
        ? { f: 'write', key, value }
        : { f: 'cas', key, value: [known.value, value] }
    const request = {
      ...asked(bucket, key),
      level: 'strong',
      content: {
        value: isDelete ? NO_VALUE : new TextEncoder().encode(String(value)),
        contentType: isDelete ? '' : 'text/plain',
        tombstone: isDelete,
        expiresAtMs: 0,
      },
      condition: known && conditionOf(known),
      idempotencyKey: isRetried(key) ? `${client}-${events.length}` : undefined,
    } as const
    note(via, 'invoke', operation)
    const attempt = (left: number): void =>
      via.call(
        `${operation.f} ${key} ${JSON.stringify(operation.value)}${left < retries ? ' again' : ''}`,
        (service) => service.put(request),
        (outcome: Outcome<WriteAnswer>) => {
          if (outcome.type === 'unknown' && left > 0) attempt(left - 1)
          else {
            endWrite(outcome, left < retries)
            done()
          }
        },
      )
    const endWrite = (outcome: Outcome<WriteAnswer>, wasUnknown: boolean): void => {
      if (outcome.type === 'ok') {
        const tag = isDelete ? undefined : entityTag(outcome.answer.siblings)
        seen.set(`${client}/${key}`, { value, tag })
        note(via, 'ok', operation)
      } else if (outcome.type === 'unknown' || wasUnknown)
        note(via, 'info', operation, outcome.error)
      else if (outcome.error === 'precondition_failed') note(via, 'fail', operation, MISMATCH)
      else note(via, 'fail', operation, outcome.error)
    }
    attempt(retries)
  }

  return {
    work: {
      turn: (via, done) => {
        const { random } = via
        const key = chooseKey(keys, random)
        if (random.chance(WEAK_READ_PERCENT)) readWeakly(via, key, done)
        else if (random.chance(READ_PERCENT)) read(via, key, () => done())
        else write(via, key, done)
      },
    },
    readAll: (via, done) => {
      let waiting = keys.length
      let unread = 0
      const next = (): void => {
        const key = keys[keys.length - waiting] as string
        read(via, key, (isRead) => {
          if (!isRead) unread++
          if (--waiting > 0) next()
          else {
            if (unread === 0) judge(events)
            done(unread)
          }
        })
      }
      next()
    },
  }
}

/** Throws if the history is not linearizable, or if the checker could not decide. */
function judge(events: readonly HistoryEvent[]): void {
  const bounds = { initial: null, timeMs: CHECK_MS, memoryBytes: CHECK_BYTES }
  const verdict = casRegisterModel.check(events, bounds)
  if (verdict.result === 'valid') return
  const [first] = verdict.evidence
  throw new Violation('linearizable', first?.words ?? verdict.sentence, first?.key)
}

function conditionOf({ tag }: Seen): Condition {
  return tag === undefined ? { type: 'none-match', tags: '*' } : { type: 'match', tags: [tag] }
}

/** Writes of the other keys are not retried: a deleted key without idempotency keys is collected within seconds. */
function isRetried(key: string): boolean {
  return key.charCodeAt(key.length - 1) % 2 === 0
}

function asked(
  bucket: string,
  key: string,
): { bucket: string; key: string; timeoutMs: number; requestId: string } {
  return { bucket, key, timeoutMs: REQUEST_TIMEOUT_MS, requestId: 'sim' }
}

function valueOf({ siblings }: ReadAnswer): Json {
  const [sibling] = siblings
  return sibling === undefined ? null : Number(new TextDecoder().decode(sibling.value))
}

function tagOf({ siblings }: ReadAnswer): string | undefined {
  return siblings.length === 0 ? undefined : entityTag(siblings)
}
