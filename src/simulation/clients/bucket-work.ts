/**
 * The workload `bucket`: clients create buckets under a few labels, write keys in them, read and list them, and delete
 * the buckets with force or if they are empty. A label returns with another mode, and with the same keys.
 */
import type { Bucket } from '../../core/placement/topology.ts'
import type { PlainLevel } from '../../core/quorum/level.ts'
import type { NodeService, ReadAnswer } from '../../node/service/service.ts'
import { BucketHistory } from '../checks/bucket-history.ts'
import { REQUEST_TIMEOUT_MS, type Via } from './client.ts'
import type { Workload } from './client-workload.ts'
import { chooseKey } from './value-work.ts'

const LABELS = ['carts', 'users']
const MODES = ['siblings', 'lww', 'strong'] as const
const LEVELS: readonly PlainLevel[] = ['eventual', 'quorum', 'quorum', 'all']
/** The tag of a bucket is its time to live in seconds, minus this, which is longer than any run. */
const TTL_BASE_SECONDS = 10_000_000
const DELETE_TIMEOUT_MS = 6000
const LIST_LIMIT = 1000

interface Labelled {
  readonly label: string
  readonly history: BucketHistory
}

export function bucketWork(keys: readonly string[]): Workload {
  const histories = new Map(LABELS.map((label) => [label, new BucketHistory(label)]))
  let nextTag = 1
  let nextValue = 1

  const create = (via: Via, { label }: Labelled, done: () => void): void => {
    const mode = MODES[via.random.below(MODES.length)] as Bucket['mode']
    const bucket: Bucket = {
      name: label,
      mode,
      n: 3,
      consistency: mode === 'strong' ? 'strong' : 'quorum',
      durability: 'sync',
      ttlSeconds: TTL_BASE_SECONDS + nextTag++,
    }
    via.call(
      `create ${label} ${mode} ${tagOf(bucket)}`,
      (service) => service.createBucket(bucket, REQUEST_TIMEOUT_MS),
      () => done(),
    )
  }

  const remove = (
    via: Via,
    { label, history }: Labelled,
    isForced: boolean,
    done: () => void,
  ): void => {
    via.call(
      `delete bucket ${label}${isForced ? ' forced' : ''}`,
      (service) => service.deleteBucket(label, isForced, DELETE_TIMEOUT_MS),
      (outcome) => {
        if (outcome.type === 'ok' && !isForced) history.goneEmpty(tagOf(outcome.answer))
        done()
      },
    )
  }

  /** Deletes all values, and then the bucket. */
  const clear = (via: Via, at: Labelled, done: () => void): void => {
    via.call(
      `clear ${at.label}`,
      async (service) => {
        const bucket = service.bucket(at.label)
        if (bucket === undefined) return
        for (const key of at.history.beginClear(tagOf(bucket))) {
          // The label may be that of a later bucket by now, whose values are to stay.
          if (service.bucket(at.label)?.ttlSeconds !== bucket.ttlSeconds) return
          await service.put(writeOf(bucket, key, 'quorum', undefined))
        }
      },
      () => remove(via, at, false, done),
    )
  }

  const write = (via: Via, { label, history }: Labelled, done: () => void): void => {
    const key = chooseKey(keys, via.random)
    const level = LEVELS[via.random.below(LEVELS.length)] as PlainLevel
    const id = nextValue++
    let begun: ((outcome: 'ok' | 'rejected' | 'unknown') => void) | undefined
    via.call(
      `put ${label}/${key}:${id} ${level}`,
      async (service) => {
        const bucket = service.bucket(label)
        if (bucket === undefined) return
        const tag = tagOf(bucket)
        const value = `${label}:${tag}:${key}:${id}`
        const isQuorum = bucket.mode === 'strong' || level !== 'eventual'
        const made = history.begin(tag, key, value, isQuorum)
        if (made === undefined) return
        begun = (outcome) => history.end(tag, made, outcome, via.nowUs())
        await service.put(writeOf(bucket, key, level, value))
      },
      (outcome) => {
        begun?.(outcome.type)
        done()
      },
    )
  }

  const read = (via: Via, { label, history }: Labelled, done: () => void): void => {
    const key = chooseKey(keys, via.random)
    const level = LEVELS[via.random.below(LEVELS.length)] as PlainLevel
    const startUs = via.nowUs()
    via.call(
      `get ${label}/${key} ${level}`,
      (service) => readOf(service, label, key, level),
      (outcome) => {
        const answer = outcome.type === 'ok' ? outcome.answer : undefined
        if (answer !== undefined) {
          const { tag, values } = answer
          history.seen(tag, key, values, { level: answer.isQuorum ? 'quorum' : 'one', startUs })
        }
        done()
      },
    )
  }

  const list = (via: Via, { label, history }: Labelled, done: () => void): void => {
    const startUs = via.nowUs()
    via.call(
      `list ${label}`,
      (service) => listOf(service, label),
      (outcome) => {
        const answer = outcome.type === 'ok' ? outcome.answer : undefined
        if (answer !== undefined) history.listed(answer.tag, answer.keys, { ...answer, startUs })
        done()
      },
    )
  }

  const turn = (via: Via, done: () => void): void => {
    const label = LABELS[via.random.below(LABELS.length)] as string
    const at = { label, history: histories.get(label) as BucketHistory }
    const dice = via.random.below(100)
    if (dice < 12) create(via, at, done)
    else if (dice < 16) remove(via, at, true, done)
    else if (dice < 19) remove(via, at, false, done)
    else if (dice < 22) clear(via, at, done)
    else if (dice < 32) list(via, at, done)
    else if (dice < 67) write(via, at, done)
    else read(via, at, done)
  }

  const readAll = (via: Via, done: (unread: number) => void): void => {
    const places = LABELS.flatMap((label) => keys.map((key) => ({ label, key })))
    let waiting = places.length + LABELS.length
    let unread = 0
    const ended = (isRead: boolean): void => {
      if (!isRead) unread++
      if (--waiting === 0) done(unread)
    }
    const startUs = via.nowUs()
    for (const { label, key } of places) {
      const history = histories.get(label) as BucketHistory
      via.call(
        `final get ${label}/${key}`,
        (service) => readOf(service, label, key, 'all'),
        (outcome) => {
          if (outcome.type === 'ok' && outcome.answer !== undefined) {
            history.seen(outcome.answer.tag, key, outcome.answer.values, { level: 'all', startUs })
          }
          ended(outcome.type === 'ok')
        },
      )
    }
    for (const label of LABELS) {
      const history = histories.get(label) as BucketHistory
      via.call(
        `final list ${label}`,
        (service) => listOf(service, label),
        (outcome) => {
          if (outcome.type === 'ok' && outcome.answer !== undefined) {
            history.listed(outcome.answer.tag, outcome.answer.keys, { ...outcome.answer, startUs })
          }
          ended(outcome.type === 'ok')
        },
      )
    }
  }

  return { work: { turn }, readAll }
}

function tagOf({ ttlSeconds }: Bucket): number {
  return (ttlSeconds ?? 0) - TTL_BASE_SECONDS
}

function optionsOf(bucket: Bucket, key: string, level: PlainLevel) {
  const timeoutMs = REQUEST_TIMEOUT_MS
  const isStrong = bucket.mode === 'strong'
  return {
    bucket: bucket.name,
    key,
    level: isStrong ? ('strong' as const) : level,
    timeoutMs,
    requestId: 'sim',
  }
}

function writeOf(bucket: Bucket, key: string, level: PlainLevel, value: string | undefined) {
  return {
    ...optionsOf(bucket, key, level),
    content: {
      value: encoder.encode(value ?? ''),
      contentType: '',
      tombstone: value === undefined,
      expiresAtMs: 0,
    },
    context: undefined,
  }
}

/**
 * Reads the key in the bucket that has the label at this node now. The node looks the label up in the same turn of the
 * event loop. Resolves with undefined if there is no such bucket.
 */
async function readOf(
  service: NodeService,
  label: string,
  key: string,
  level: PlainLevel,
): Promise<{ tag: number; values: string[]; isQuorum: boolean } | undefined> {
  const bucket = service.bucket(label)
  if (bucket === undefined) return undefined
  const answer = await service.get(optionsOf(bucket, key, level))
  const isQuorum = bucket.mode === 'strong' || level !== 'eventual'
  return { tag: tagOf(bucket), values: valuesOf(answer), isQuorum }
}

async function listOf(
  service: NodeService,
  label: string,
): Promise<{ tag: number; keys: string[]; isComplete: boolean } | undefined> {
  const bucket = service.bucket(label)
  if (bucket === undefined) return undefined
  const timeoutMs = REQUEST_TIMEOUT_MS
  const request = { bucket: label, prefix: '', after: '', limit: LIST_LIMIT, timeoutMs }
  const { keys, next, missingPartitions } = await service.list(request)
  const isComplete = next === undefined && missingPartitions.length === 0
  return { tag: tagOf(bucket), keys: keys.map(({ key }) => key), isComplete }
}

function valuesOf({ siblings }: ReadAnswer): string[] {
  return siblings.map(({ value }) => decoder.decode(value))
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
