/** A client of the scenario of cuts (cut-scenario.ts). */
import { counterValue } from '../../../src/core/causality/counter.ts'
import type { Level } from '../../../src/core/quorum/level.ts'
import type { NodeService, ReadAnswer } from '../../../src/node/service/service.ts'
import type { SeededRandom } from '../../../src/random/seeded-random.ts'

export const IDS = ['n1', 'n2', 'n3', 'n4', 'n5'] as const
const BUCKETS = ['default', 'latest', 'strong', 'visits'] as const
const LEVELS: Readonly<Record<(typeof BUCKETS)[number], readonly Level[]>> = {
  default: ['eventual', 'eventual', 'quorum'],
  latest: ['quorum'],
  strong: ['strong'],
  visits: ['eventual', 'quorum'],
}
const utf8 = new TextEncoder()

/** `bucket/key` → how far its only writer has come. */
export type Progress = Map<string, number>

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
  /** Notes a write that is about to be sent by a client that has read so far. */
  begin(place: string, sequence: number, known: Progress): void
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
    const key = `c${this.#index}-${this.#generation}-${this.#random.below(2)}`
    const place = `${bucket}/${key}`
    const sequence = (this.#sequences.get(place) ?? 0) + 1
    this.#sequences.set(place, sequence)
    world.begin(place, sequence, this.#known)
    const about = { bucket, key, level: this.#levelFor(bucket), requestId: 'test' }
    const content = {
      value: utf8.encode(String(sequence)),
      contentType: '',
      tombstone: false,
      expiresAtMs: 0,
    }
    const change = { type: 'counter', increment: 1 } as const
    const ask = (service: NodeService): Promise<unknown> =>
      bucket === 'visits'
        ? service.update({ ...about, change })
        : service.put({ ...about, content })
    world.call(this.#node(), ask, (answer, isRejected) => {
      if (isRejected) world.reject(place, sequence)
      if (answer === undefined) {
        this.#generation++
        this.#again(100)
        return
      }
      world.acknowledge(place, sequence)
      this.#again()
    })
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

function sequenceRead(bucket: string, { siblings }: ReadAnswer): number {
  if (bucket === 'visits') return Number(counterValue(siblings))
  return Math.max(0, ...siblings.map(({ value }) => numberIn(value)))
}

export function numberIn(value: Uint8Array): number {
  return Number(new TextDecoder().decode(value))
}
