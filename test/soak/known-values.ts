/**
 * Values that are written once to all owners, and then read repeatedly through any node at any level. Every answer with
 * a value must have the written one, and no answer may say that the key is absent.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../src/random/seeded-random.ts'

const VALUE_BYTES = 32 * 1024
const WRITERS = 16
const WRITE_ATTEMPTS_MAX = 10
const PAUSE_MS = 25
const REQUEST_MS_MAX = 10_000
const WRONG_MAX = 20
const WRONG_BYTES_MAX = 200

type Levels = readonly [string, ...string[]]
const LEVELS_BY_BUCKET: readonly (readonly [string, Levels])[] = [
  ['default', ['weak', 'eventual', 'causal', 'quorum', 'all']],
  ['latest', ['weak', 'eventual', 'causal', 'quorum', 'all']],
  ['strong', ['weak', 'eventual', 'causal', 'quorum', 'strong']],
]

export class KnownValues {
  /** The wrong answers and their nodes, at most WRONG_MAX. */
  readonly wrongs: string[] = []
  /** The number of reads for each level and status. */
  readonly counts = new Map<string, number>()
  readonly #urls: readonly string[]
  readonly #keys: readonly string[]
  readonly #random = new SeededRandom('known values')
  #isOver = false
  #done: Promise<void> = Promise.resolve()

  /** `keys` of each bucket. */
  constructor(urls: readonly string[], keys: number) {
    this.#urls = urls
    this.#keys = Array.from({ length: keys }, (_, i) => `known/${i}`)
  }

  async write(): Promise<void> {
    const left = LEVELS_BY_BUCKET.flatMap(([bucket]) => this.#keys.map((key) => [bucket, key]))
    const writer = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const [bucket, key] = next as [string, string]
        await this.#put(bucket, key)
      }
    }
    await Promise.all(Array.from({ length: WRITERS }, writer))
  }

  startReads(): void {
    this.#done = this.#readOn()
  }

  async stopReads(): Promise<void> {
    this.#isOver = true
    await this.#done
  }

  /** Reads each key once, at the given level in the default bucket, and at the corresponding level in other buckets. */
  async readAll(level: string): Promise<void> {
    for (const [bucket, levels] of LEVELS_BY_BUCKET)
      for (const key of this.#keys)
        await this.#read(
          this.#urls[0] as string,
          bucket,
          key,
          levels.includes(level) ? level : 'strong',
        )
  }

  async #put(bucket: string, key: string): Promise<void> {
    const level = bucket === 'strong' ? 'strong' : 'all'
    const url = `${this.#urls[0]}/v1/kv/${bucket}/${key}?consistency=${level}`
    for (let attempt = 1; ; attempt++) {
      const { status } = await fetch(url, { method: 'PUT', body: new Uint8Array(valueOf(key)) })
      if (status === 204) return
      if (attempt === WRITE_ATTEMPTS_MAX) throw new Error(`PUT of ${bucket}/${key}: ${status}`)
    }
  }

  async #readOn(): Promise<void> {
    while (!this.#isOver) {
      const url = this.#random.pick(this.#urls as [string, ...string[]])
      const [bucket, levels] = LEVELS_BY_BUCKET[this.#random.below(LEVELS_BY_BUCKET.length)] as [
        string,
        Levels,
      ]
      const key = this.#keys[this.#random.below(this.#keys.length)] as string
      await this.#read(url, bucket, key, this.#random.pick(levels))
      await sleep(PAUSE_MS)
    }
  }

  /**
   * An answer without a value, such as a 503, is not wrong. A node that is down and does not answer is not wrong
   * either.
   */
  async #read(url: string, bucket: string, key: string, level: string): Promise<void> {
    const signal = AbortSignal.timeout(REQUEST_MS_MAX)
    const path = `${url}/v1/kv/${bucket}/${key}?consistency=${level}&trace=true`
    const answer = await fetch(path, { signal })
      .then(async (response) => ({
        status: response.status,
        trace: response.headers.get('quorate-trace') ?? '',
        bytes: Buffer.from(await response.arrayBuffer()),
      }))
      .catch(() => undefined)
    const told = `${level} ${answer?.status ?? 'no answer'}`
    this.counts.set(told, (this.counts.get(told) ?? 0) + 1)
    if (answer === undefined || answer.status >= 500) return
    const isRight = answer.status === 200 && answer.bytes.equals(valueOf(key))
    if (isRight || this.wrongs.length === WRONG_MAX) return
    const said = answer.bytes.toString('utf8', 0, WRONG_BYTES_MAX)
    this.wrongs.push(
      `${new Date().toISOString()} ${path}: ${answer.status} ${said} ${answer.trace}`,
    )
  }
}

/** A random value, so that it takes its full size in a compressed table. */
function valueOf(key: string): Buffer {
  return createHash('shake256', { outputLength: VALUE_BYTES }).update(key).digest()
}
