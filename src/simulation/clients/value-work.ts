/**
 * The workloads `siblings`, `lww` and `ttl`: clients read keys, write unique values with the context of a read or
 * blindly, and delete, at every level. Each key has one history for all clients.
 */
import { wallMsOf } from '../../core/causality/hybrid-clock.ts'
import { EMPTY_VECTOR } from '../../core/causality/version-vector.ts'
import { hashText } from '../../core/hash/text-hash.ts'
import type { PlainLevel } from '../../core/quorum/level.ts'
import type { ReadAnswer } from '../../node/service/service.ts'
import { type Asked, type Known, requestOptions, type Via, type Work } from './client.ts'
import { WALL_START_MS } from '../world/host.ts'
import { KeyHistory, type Write } from '../checks/key-history.ts'
import type { SeededRandom } from '../../random/seeded-random.ts'
import { Violation } from '../checks/violation.ts'
import { RegisterHistory } from '../checks/register-history.ts'
import { readEach, type Workload } from './client-workload.ts'

export interface ValueHistory {
  readonly name: string
  begin(write: Write): void
  end(write: Write, outcome: 'ok' | 'rejected' | 'unknown', nowUs: number): void
  seen(values: readonly string[]): void
  seenAtQuorum(values: readonly string[], startUs: number, nowUs: number): void
  seenAtRest(values: readonly string[], nowUs: number): void
  begunUs(value: string): number | undefined
  stampedAtQuorum?(timestamp: number, startUs: number, nowUs: number): void
}

/** The keys of one bucket, and what clients know about them. */
export interface KeySet {
  readonly bucket: string
  readonly keys: readonly string[]
  readonly histories: ReadonlyMap<string, ValueHistory>
}

const LEVELS: readonly PlainLevel[] = ['weak', 'eventual', 'eventual', 'quorum', 'quorum', 'all']
const VALUE_BYTES_MAX = 400
const NO_VALUE = new Uint8Array(0)

export function keySet(
  bucket: string,
  names: readonly string[],
  makeHistory: (name: string) => ValueHistory,
): KeySet {
  const histories = new Map(names.map((key) => [key, makeHistory(`${bucket}/${key}`)]))
  return { bucket, keys: names, histories }
}

export function siblingsKeys(bucket: string, names: readonly string[]): KeySet {
  return keySet(bucket, names, (name) => new KeyHistory(name))
}

export function lwwKeys(bucket: string, names: readonly string[]): KeySet {
  return keySet(bucket, names, (name) => new RegisterHistory(name))
}

/**
 * With the style `ttl`, half of the values expire. `lateUs` is how long after its request a write may be made: its
 * timeout, and how far clocks may be off.
 */
export function valueWork(set: KeySet, style: 'siblings' | 'lww' | 'ttl', lateUs: number): Work {
  let nextId = 0
  const contexts = new Map<string, Known>()
  return {
    turn: (via, done) => {
      const key = chooseKey(set.keys, via.random)
      const asked: Asked = {
        bucket: set.bucket,
        key,
        level: LEVELS[via.random.below(LEVELS.length)] as PlainLevel,
      }
      const slot = `${via.client}/${key}`
      const dice = via.random.below(100)
      if (dice < 45) read(set, via, asked, lateUs, (known) => finish(known))
      else write(set, via, asked, writeOf(via, asked, contexts.get(slot)), () => finish(undefined))

      function finish(known: Known | undefined): void {
        // A context is mostly used for one write. Sometimes it is used twice, which makes siblings on purpose.
        if (known !== undefined) contexts.set(slot, known)
        else if (via.random.chance(80)) contexts.delete(slot)
        done()
      }
    },
  }

  function writeOf(via: Via, asked: Asked, known: Known | undefined): NewWrite {
    const id = nextId++
    // Some keys are never deleted, so that no delete can explain a missing value.
    const isKept = style !== 'ttl' && hashText(asked.key) % 3 === 0
    const isDelete = !isKept && via.random.chance(30)
    const ttl = style === 'ttl' && !isDelete && via.random.chance(50)
    // Some keys are never written blindly, so that no blind write can explain a missing value.
    const isBlind =
      style === 'lww' || (known === undefined && !isReadFirst(asked.key) && via.random.chance(60))
    return {
      id,
      value: isDelete ? undefined : `${asked.key}:${id}`,
      padding: via.random.below(VALUE_BYTES_MAX),
      // Without a context, a client may send an empty one, and so adds a sibling.
      known: isBlind ? undefined : (known ?? { context: EMPTY_VECTOR, values: [] }),
      ttlMs: ttl ? 500 + via.random.below(20_000) : undefined,
    }
  }
}

function isReadFirst(key: string): boolean {
  return (hashText(key) >>> 8) % 2 === 0
}

interface NewWrite {
  readonly id: number
  readonly value: string | undefined
  readonly padding: number
  readonly known: Known | undefined
  readonly ttlMs: number | undefined
}

function read(
  set: KeySet,
  via: Via,
  asked: Asked,
  lateUs: number,
  done: (known: Known | undefined) => void,
): void {
  const history = set.histories.get(asked.key) as ValueHistory
  const startUs = via.nowUs()
  via.call(
    `get ${asked.key} ${asked.level}`,
    (service) => service.get(requestOptions(asked)),
    (outcome) => {
      if (outcome.type !== 'ok') {
        done(undefined)
        return
      }
      const values = valuesOf(outcome.answer)
      const atQuorum = asked.level === 'quorum' || asked.level === 'all'
      if (atQuorum) history.seenAtQuorum(values, startUs, via.nowUs())
      checkTimes(history, outcome.answer, lateUs)
      const [newest] = outcome.answer.siblings
      if (atQuorum && newest !== undefined) {
        history.stampedAtQuorum?.(newest.timestamp, startUs, via.nowUs())
      } else history.seen(values)
      done({ context: outcome.answer.context, values })
    },
  )
}

/** A write must be made before its deadline, or never. The timestamp of its dot shows when it was made. */
function checkTimes(history: ValueHistory, { siblings }: ReadAnswer, lateUs: number): void {
  for (const sibling of siblings) {
    const name = valueOf(sibling)
    const madeUs = (wallMsOf(sibling.timestamp) - WALL_START_MS) * 1000
    const begunUs = history.begunUs(name)
    if (begunUs === undefined || madeUs <= begunUs + lateUs) continue
    const lateMs = Math.round((madeUs - begunUs) / 1000)
    throw new Violation(
      'late',
      `${name} was written ${lateMs} ms after its request began, which is after the deadline`,
      history.name,
    )
  }
}

/** Chooses low keys often, so that clients compete for them, and high keys seldom, so that they come to rest. */
export function chooseKey(keys: readonly string[], random: SeededRandom): string {
  const index = Math.min(
    random.below(keys.length),
    random.below(keys.length),
    random.below(keys.length),
  )
  return keys[index] as string
}

function write(set: KeySet, via: Via, asked: Asked, made: NewWrite, done: () => void): void {
  const history = set.histories.get(asked.key) as ValueHistory
  const { value, known, ttlMs } = made
  const record: Write = {
    id: made.id,
    value,
    startUs: via.nowUs(),
    endUs: Infinity,
    outcome: 'pending',
    isQuorum: asked.level === 'quorum' || asked.level === 'all',
    isCounted: asked.level !== 'weak',
    replaced: known?.values,
    isSure: true,
    expiresUs: ttlMs === undefined ? Infinity : via.nowUs() + ttlMs * 1000,
  }
  const seen = known === undefined ? 'blind' : `over [${known.values.join(' ')}]`
  const text = value === undefined ? `delete ${asked.key}` : `put ${value}`
  history.begin(record)
  via.call(
    `${text} ${asked.level} ${seen}`,
    (service) =>
      service.put({
        ...requestOptions(asked),
        content: {
          value: value === undefined ? NO_VALUE : bytesOf(value, made.padding),
          contentType: value === undefined ? '' : 'text/plain',
          tombstone: value === undefined,
          expiresAtMs: ttlMs === undefined ? 0 : Math.floor(service.nowMs() + ttlMs),
        },
        context: known?.context,
      }),
    (outcome) => {
      const end = outcome.type
      // A write that was accepted only in memory may be lost without notice, so its outcome counts as unknown.
      history.end(record, end === 'ok' && !record.isCounted ? 'unknown' : end, via.nowUs())
      done()
    },
  )
}

/** The final reads of a set's keys. */
export function finalReads({ bucket, keys, histories }: KeySet): Workload['readAll'] {
  return readEach(
    keys,
    (key) => ({ label: key, options: requestOptions({ bucket, key, level: 'all' }) }),
    (via, key, answer) => histories.get(key)?.seenAtRest(valuesOf(answer), via.nowUs()),
  )
}

function valuesOf({ siblings }: ReadAnswer): string[] {
  return siblings.map(valueOf)
}

function valueOf({ value }: { readonly value: Uint8Array }): string {
  const text = decoder.decode(value)
  return text.slice(0, text.indexOf(';'))
}

function bytesOf(value: string, padding: number): Uint8Array {
  return encoder.encode(`${value};${'x'.repeat(padding)}`)
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
