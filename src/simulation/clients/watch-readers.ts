/**
 * The readers of a run that watch its buckets: for each bucket one that is slow, and one that goes to another node all
 * the time. At rest each must hold the same picture as the bucket.
 */
import { entityTag } from '../../core/causality/entity-tag.ts'
import type { ListAnswer } from '../../node/service/service.ts'
import { Violation } from '../checks/violation.ts'
import type { Plan } from '../plan/plan.ts'
import type { SimulatedNode } from '../world/simulated-node.ts'
import { bucketsOf } from './sim-workloads.ts'
import { WatchReader, type WatchReaderParts } from './watch-reader.ts'

const SLOW = { pauseUs: 2_000_000, stayUs: 90_000_000 }
const RESTLESS = { pauseUs: 5_000, stayUs: 100_000 }
const KEYS_MAX = 1000

export class WatchReaders {
  readonly #readers: readonly { readonly bucket: string; readonly reader: WatchReader }[]

  constructor(plan: Plan, parts: WatchReaderParts) {
    const buckets =
      plan.watch === true
        ? ['default', 'latest', 'strong', ...bucketsOf(plan).map(({ name }) => name)]
        : []
    this.#readers = buckets.flatMap((bucket) =>
      (['slow', 'restless'] as const).map((kind) => {
        const name = `${kind} reader of ${bucket}`
        const own = { ...parts, random: parts.random.child(name) }
        const habits = { bucket, ...(kind === 'slow' ? SLOW : RESTLESS) }
        return { bucket, reader: new WatchReader(name, own, habits) }
      }),
    )
  }

  get isEmpty(): boolean {
    return this.#readers.length === 0
  }

  stop(): void {
    for (const { reader } of this.#readers) reader.stop()
  }

  /** Asks a member for the buckets. Calls back with a picture that differs; undefined if all are equal. */
  look(member: SimulatedNode, done: (difference: Violation | undefined) => void): void {
    const buckets = [...new Set(this.#readers.map(({ bucket }) => bucket))]
    let open = buckets.length
    let found: Violation | undefined
    for (const bucket of buckets) {
      list(member, bucket, (keys) => {
        found ??= this.#differenceIn(bucket, keys)
        if (--open === 0) done(found)
      })
    }
  }

  #differenceIn(
    bucket: string,
    keys: ReadonlyMap<string, string> | undefined,
  ): Violation | undefined {
    if (keys === undefined) return new Violation('stuck', `the keys of ${bucket} cannot be listed`)
    for (const { bucket: watched, reader } of this.#readers) {
      if (watched !== bucket) continue
      for (const key of new Set([...keys.keys(), ...reader.picture.keys()])) {
        const [is, told] = [keys.get(key) ?? 'absent', reader.picture.get(key) ?? 'absent']
        if (is === told) continue
        const message = `the ${reader.name} was told that ${key} is ${told}, but it is ${is}`
        return new Violation('watch', message, key)
      }
    }
    return undefined
  }
}

/** Each live key with its entity tag; undefined if the list is not complete. */
function list(
  node: SimulatedNode,
  bucket: string,
  done: (keys: ReadonlyMap<string, string> | undefined) => void,
): void {
  node.call(
    (service) => service.list({ bucket, prefix: '', after: '', limit: KEYS_MAX }),
    (end) => {
      const isComplete = end.type === 'answered' && isWhole(end.answer)
      if (!isComplete) done(undefined)
      else done(new Map(end.answer.keys.map(({ key, dots }) => [key, entityTag(dots)])))
    },
  )
}

function isWhole({ next, missingPartitions }: ListAnswer): boolean {
  return next === undefined && missingPartitions.length === 0
}
