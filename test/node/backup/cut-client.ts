/** A client of the scenario of cuts (cut-scenario.ts). */
import { counterValue } from '../../../src/core/causality/counter.ts'
import type { Level } from '../../../src/core/quorum/level.ts'
import { elementsOf } from '../../../src/core/causality/element-set.ts'
import type { Content } from '../../../src/core/causality/sibling.ts'
import type { VersionVector } from '../../../src/core/causality/version-vector.ts'
import type {
  NodeService,
  ReadAnswer,
  TypeChange,
  WriteAnswer,
} from '../../../src/node/service/service.ts'
import type { SeededRandom } from '../../../src/random/seeded-random.ts'

export const IDS = ['n1', 'n2', 'n3', 'n4', 'n5'] as const
const BUCKETS = ['default', 'latest', 'strong', 'visits', 'tags'] as const
const LEVELS: Readonly<Record<(typeof BUCKETS)[number], readonly Level[]>> = {
  default: ['eventual', 'eventual', 'quorum'],
  latest: ['quorum'],
  strong: ['strong'],
  visits: ['eventual', 'quorum'],
  tags: ['eventual', 'quorum'],
}
/** The buckets in which every other key is also deleted, and has values that expire. */
const FADING: readonly string[] = ['default', 'latest', 'strong']
const TTL_MS_MAX = 1500
const utf8 = new TextEncoder()

/** `bucket/key` → how far its only writer has come. */
export type Progress = Map<string, number>

/** A write that is about to be sent. */
export interface Begun {
  /** `bucket/key`. */
  readonly place: string
  readonly sequence: number
  /** The wall time in ms from which it shows no value: 0 for a delete, Infinity for a value that never expires. */
  readonly fadesMs: number
}

/** What a client needs of the world around it. */
export interface ClientWorld {
  readonly isOver: boolean
  after(ms: number, task: () => void): void
  /** Some key that has an acknowledged write. */
  anyPlace(random: SeededRandom): string | undefined
  /** Calls back without an answer if the request has failed. `isRejected`: it was told that it has no effect. */
  call<T>(
    id: string,
    ask: (service: NodeService) => Promise<T>,
    end: (answer: T | undefined, isRejected: boolean) => void,
  ): void
  wallMs(id: string): number
  /** Notes a write of a client that has read so far. */
  begin(write: Begun, known: Progress): void
  acknowledge(place: string, sequence: number): void
  reject(place: string, sequence: number): void
}

/** Writes its own keys, each time with the next number, and reads those of others. */
export class Client {
  readonly #index: number
  readonly #random: SeededRandom
  readonly #world: ClientWorld
  readonly #known: Progress = new Map()
  readonly #sequences = new Map<string, number>()
  /** `bucket/key` → the context of its last write. */
  readonly #contexts = new Map<string, VersionVector>()
  /** Rises when the outcome of a write is not known, so that the write meets no later one of its key. */
  #generation = 0

  constructor(index: number, random: SeededRandom, world: ClientWorld) {
    this.#index = index
    this.#random = random
    this.#world = world
  }

  go(): void {
    if (this.#world.isOver) return
    if (this.#random.below(3) === 0) this.#read()
    else this.#write()
  }

  #again(pauseMs = this.#random.below(6)): void {
    this.#world.after(pauseMs, () => this.go())
  }

  /** Every other client stays at one node. */
  #node(): string {
    const { length } = IDS
    if (this.#index % 2 === 0) return IDS[(this.#index / 2) % length] as string
    return this.#random.pick(IDS)
  }

  #write(): void {
    const world = this.#world
    // Writes that one node alone stores are the quickest, so they leave the least time between two snapshots.
    const bucket = this.#random.chance(50) ? 'default' : this.#random.pick(BUCKETS)
    const mayFade = FADING.includes(bucket) && this.#random.chance(50)
    const key = `c${this.#index}-${this.#generation}-${mayFade ? 1 : 0}`
    const place = `${bucket}/${key}`
    const sequence = (this.#sequences.get(place) ?? 0) + 1
    this.#sequences.set(place, sequence)
    const id = this.#node()
    const fadesMs = mayFade ? this.#fadesMs(id) : Infinity
    world.begin({ place, sequence, fadesMs }, this.#known)
    const about = { bucket, key, level: this.#levelFor(bucket), requestId: 'test' }
    const ask = (service: NodeService): Promise<WriteAnswer> => {
      const change = changeOf(bucket, sequence)
      if (change !== undefined) return service.update({ ...about, change })
      // Without a context, a delete at one owner leaves the siblings of the others.
      const context = mayFade && bucket === 'default' ? this.#contexts.get(place) : undefined
      return service.put({ ...about, content: contentOf(sequence, fadesMs), context })
    }
    world.call(id, ask, (answer, isRejected) => {
      if (isRejected) world.reject(place, sequence)
      if (answer === undefined) {
        this.#generation++
        this.#again(100)
        return
      }
      this.#contexts.set(place, answer.context)
      world.acknowledge(place, sequence)
      this.#again()
    })
  }

  #fadesMs(id: string): number {
    const kind = this.#random.below(4)
    if (kind === 0) return 0
    if (kind > 1) return Infinity
    return Math.floor(this.#world.wallMs(id)) + 1 + this.#random.below(TTL_MS_MAX)
  }

  #read(): void {
    const world = this.#world
    const place = world.anyPlace(this.#random)
    if (place === undefined) return this.#again()
    const [bucket, key] = place.split('/') as [string, string]
    const about = { bucket, key, level: this.#levelFor(bucket), requestId: 'test' }
    world.call(
      this.#node(),
      (service) => service.get(about),
      (answer) => {
        if (answer !== undefined) raise(this.#known, place, sequenceRead(bucket, answer))
        this.#again()
      },
    )
  }

  #levelFor(bucket: string): Level {
    const levels = LEVELS[bucket as keyof typeof LEVELS]
    return levels[this.#random.below(levels.length)] as Level
  }
}

export function raise(progress: Progress, place: string, sequence: number): void {
  if (sequence > (progress.get(place) ?? 0)) progress.set(place, sequence)
}

function contentOf(sequence: number, fadesMs: number): Content {
  const tombstone = fadesMs === 0
  return {
    value: tombstone ? new Uint8Array(0) : utf8.encode(String(sequence)),
    contentType: '',
    tombstone,
    expiresAtMs: fadesMs === Infinity ? 0 : fadesMs,
  }
}

/** Undefined if the values of the bucket are written whole. */
function changeOf(bucket: string, sequence: number): TypeChange | undefined {
  if (bucket === 'visits') return { type: 'counter', increment: 1 }
  if (bucket !== 'tags') return undefined
  const remove = sequence === 1 ? [] : [String(sequence - 1)]
  return { type: 'set', add: [String(sequence)], remove }
}

function sequenceRead(bucket: string, { siblings }: ReadAnswer): number {
  if (bucket === 'visits') return Number(counterValue(siblings))
  if (bucket === 'tags') return Math.max(0, ...elementsOf(siblings).map(numberIn))
  return Math.max(0, ...siblings.map(({ value }) => numberIn(value)))
}

export function numberIn(value: Uint8Array): number {
  return Number(new TextDecoder().decode(value))
}
