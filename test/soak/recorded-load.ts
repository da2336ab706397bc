/**
 * Clients that write keys of every mode, and record for each write when it was sent and how it ended. `judge` then says
 * what a restored cluster lacks, or has too much.
 *
 * Every value contains its own checksum and the number of its write.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { json, type Quorate, RejectedError, UnknownOutcomeError } from '../../src/client/quorate.ts'
import { SeededRandom } from '../../src/random/seeded-random.ts'

export const COUNTERS = 'visits'
export const SETS = 'tags'
const REGISTERS = ['default', 'latest'] as const
const KEYS = 40
/** Siblings of one key: below the number from which a node warns. */
const SIBLINGS_MAX = 12
const ELEMENTS_MAX = 150
const WRITERS = 8
const READERS = 16
const PAUSE_MS = 5
const VALUE_BYTES_MAX = 6000
const DELETE_PERCENT = 10
const REMOVE_PERCENT = 20

/** One write that was not rejected. */
interface Write {
  readonly id: number
  readonly sentMs: number
  /** Infinity if the outcome is unknown: the write may take effect at any time. */
  endMs: number
  readonly isDelete: boolean
}

export interface StrongValue {
  readonly n: number
  readonly text: string
}

/** When the backup was asked for, and when it was complete. */
export interface BackupSpan {
  readonly beganMs: number
  readonly endedMs: number
}

export class RecordedLoad {
  readonly counts = new Map<string, number>()
  readonly #client: Quorate
  readonly #random = new SeededRandom('recorded load')
  /** `bucket/key` → the writes that replace each other. */
  readonly #registers = new Map<string, Write[]>()
  /** Keys of bucket default whose values stay side by side. */
  readonly #groups = new Map<string, Write[]>()
  /** Counter → increments, each by one. */
  readonly #counters = new Map<string, Write[]>()
  /** Set → the adds of each element, and its removal if there is one. */
  readonly #sets = new Map<string, Map<string, Write[]>>()
  /** Strong key → the acknowledged updates by their number, and all values that were sent. */
  readonly #strong = new Map<string, { acked: Map<number, Write>; sent: Map<string, number> }>()
  #writes = 0
  #isOver = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(client: Quorate) {
    this.#client = client
  }

  start(): void {
    this.#running = Promise.all(Array.from({ length: WRITERS }, (_, i) => this.#run(i)))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  /** Writes keys once, so that a restore takes a while. */
  async fill(keys: number, counters: number): Promise<void> {
    const all = [
      ...Array.from({ length: keys }, (_, i) => () => this.#register('latest', `fill-${i}`, false)),
      ...Array.from({ length: counters }, (_, i) => () => this.#increment(`fill-${i}`)),
    ]
    const one = async (): Promise<void> => {
      for (let write = all.pop(); write !== undefined; write = all.pop()) await write()
    }
    await Promise.all(Array.from({ length: WRITERS }, one))
  }

  get acknowledged(): number {
    return [...this.counts].reduce((sum, [end, n]) => sum + (end.endsWith(' done') ? n : 0), 0)
  }

  /**
   * The span with a later beginning: when the last write that the restored cluster has was sent. The backup is one
   * consistent cut, so it has everything that was acknowledged before that.
   */
  async cutIn(client: Quorate, { beganMs, endedMs }: BackupSpan): Promise<BackupSpan> {
    let cutMs = beganMs
    for (const [place, writes] of [...this.#registers, ...this.#groups]) {
      const ids = new Set((await valuesOf(client, place)).map(numberIn))
      for (const { id, sentMs } of writes) if (ids.has(id)) cutMs = Math.max(cutMs, sentMs)
    }
    return { beganMs: cutMs, endedMs }
  }

  /** What is wrong in the cluster of that client, which was restored from the backup. Empty if nothing is. */
  async judge(client: Quorate, span: BackupSpan): Promise<string[]> {
    const wrongs: string[] = []
    const looks = [
      ...[...this.#registers].map(([place, writes]) => async () => {
        const values = await valuesOf(client, place)
        wrongs.push(...wrongInRegister(values, writes, span).map((what) => `${place}: ${what}`))
      }),
      ...[...this.#groups].map(([place, writes]) => async () => {
        const values = await valuesOf(client, place)
        wrongs.push(...wrongInGroup(values, writes, span).map((what) => `${place}: ${what}`))
      }),
      ...[...this.#counters].map(([key, writes]) => async () => {
        const count = await client.counters(COUNTERS).get(key)
        const least = writes.filter(({ endMs }) => endMs < span.beganMs).length
        const most = writes.filter(({ sentMs }) => sentMs < span.endedMs).length
        if (count < least || count > most) {
          wrongs.push(`${COUNTERS}/${key}: ${count}, not ${least} to ${most}`)
        }
      }),
      ...[...this.#sets].map(([key, elements]) => async () => {
        const held = await client.sets(SETS).get(key)
        wrongs.push(...wrongInSet(held, elements, span).map((what) => `${SETS}/${key}: ${what}`))
      }),
      ...[...this.#strong].map(([key, { acked, sent }]) => async () => {
        const { value } = await client.strong('strong', { format: json<StrongValue>() }).get(key)
        const least = Math.max(
          0,
          ...[...acked].filter(([, { endMs }]) => endMs < span.beganMs).map(([n]) => n),
        )
        if ((value?.n ?? 0) < least) wrongs.push(`strong/${key}: ${value?.n ?? 0} < ${least}`)
        if (value === undefined) return
        if (numberIn(value.text) === undefined) wrongs.push(`strong/${key}: torn`)
        const sentMs = sent.get(value.text) ?? Infinity
        if (sentMs > span.endedMs) wrongs.push(`strong/${key}: a value that was not sent`)
      }),
    ]
    const one = async (): Promise<void> => {
      for (let look = looks.pop(); look !== undefined; look = looks.pop()) await look()
    }
    await Promise.all(Array.from({ length: READERS }, one))
    return wrongs
  }

  async #run(writer: number): Promise<void> {
    const random = this.#random.child(String(writer))
    while (!this.#isOver) {
      const key = `k-${random.below(KEYS)}`
      const turn = random.below(8)
      if (turn < 4) {
        await this.#register(
          REGISTERS[turn % 2] as string,
          `register-${key}`,
          random.chance(DELETE_PERCENT),
        )
      } else if (turn === 4) await this.#sibling(`group-${random.below(10 * KEYS)}`)
      else if (turn === 5) await this.#increment(key)
      // One writer for each set and element, so that the order of its writes is known.
      else if (turn === 6) await this.#element(`${writer}-${key}`, random.chance(REMOVE_PERCENT))
      else await this.#update(key)
      await sleep(PAUSE_MS)
    }
  }

  async #register(bucket: string, key: string, isDelete: boolean): Promise<void> {
    const entries = this.#client.bucket(bucket)
    await this.#write(
      `${bucket} register`,
      listIn(this.#registers, `${bucket}/${key}`),
      isDelete,
      (id) => (isDelete ? entries.delete(key) : entries.put(key, this.#value(id))),
    )
  }

  async #sibling(key: string): Promise<void> {
    const writes = listIn(this.#groups, `default/${key}`)
    if (writes.length >= SIBLINGS_MAX) return
    const entries = this.#client.bucket('default')
    const consistency = this.#random.chance(50) ? 'eventual' : 'quorum'
    await this.#write(`sibling at ${consistency}`, writes, false, (id) =>
      entries.put(key, this.#value(id), { context: 'none', consistency }),
    )
  }

  async #increment(key: string): Promise<void> {
    const counters = this.#client.counters(COUNTERS)
    await this.#write('increment', listIn(this.#counters, key), false, () =>
      counters.increment(key),
    )
  }

  async #element(key: string, isRemoval: boolean): Promise<void> {
    const elements = this.#sets.get(key) ?? new Map<string, Write[]>()
    this.#sets.set(key, elements)
    const sets = this.#client.sets(SETS)
    const [element, adds] =
      [...elements].find(([, writes]) => writes.length === 1 && writes[0]?.endMs !== Infinity) ?? []
    if (isRemoval && element !== undefined && adds !== undefined) {
      await this.#write('remove', adds, true, () => sets.remove(key, [element]))
    } else if (elements.size < ELEMENTS_MAX) {
      const added = `e-${this.#writes}`
      await this.#write('add', listIn(elements, added), false, () => sets.add(key, [added]))
    }
  }

  async #update(key: string): Promise<void> {
    const told = this.#strong.get(key) ?? { acked: new Map(), sent: new Map() }
    this.#strong.set(key, told)
    const entries = this.#client.strong('strong', { format: json<StrongValue>() })
    const write: Write[] = []
    await this.#write('update', write, false, async (id) => {
      const { value } = await entries.update(key, (held) => {
        const text = this.#value(id)
        told.sent.set(text, Date.now())
        return { n: (held?.n ?? 0) + 1, text }
      })
      const n = value?.n ?? 0
      if (told.acked.has(n)) throw new Error(`two updates of strong/${key} were told ${n}`)
      told.acked.set(n, write[0] as Write)
    })
  }

  /** Notes the write before it is sent. Takes it back if it was rejected. */
  async #write(
    what: string,
    writes: Write[],
    isDelete: boolean,
    send: (id: number) => Promise<unknown>,
  ): Promise<void> {
    const write: Write = { id: this.#writes++, sentMs: Date.now(), endMs: Infinity, isDelete }
    writes.push(write)
    try {
      await send(write.id)
      write.endMs = Date.now()
      this.#count(`${what} done`)
    } catch (error) {
      if (error instanceof RejectedError) writes.splice(writes.indexOf(write), 1)
      else if (!(error instanceof UnknownOutcomeError)) throw error
      this.#count(`${what} ${error instanceof RejectedError ? 'rejected' : 'unknown'}`)
    }
  }

  #count(end: string): void {
    this.counts.set(end, (this.counts.get(end) ?? 0) + 1)
  }

  #value(id: number): string {
    const text = `${id} ${'x'.repeat(this.#random.below(VALUE_BYTES_MAX))}`
    return `${text} ${checksum(text)}`
  }
}

function wrongInRegister(
  values: readonly string[],
  writes: readonly Write[],
  { beganMs, endedMs }: BackupSpan,
): string[] {
  const ids = values.map(numberIn)
  if (ids.includes(undefined)) return ['torn']
  const held = writes.filter(({ id }) => ids.includes(id))
  const wrongs = unsent(ids, held, endedMs)
  // An absent key is the result of a delete.
  const shown = held.length > 0 ? held : writes.filter(({ isDelete }) => isDelete)
  for (const { id, sentMs, endMs } of writes) {
    if (endMs >= beganMs) continue
    // A write that had ended before this one was sent cannot have replaced it.
    if (!shown.some((other) => other.endMs >= sentMs)) wrongs.push(`write ${id} is lost`)
  }
  return wrongs
}

function wrongInGroup(
  values: readonly string[],
  writes: readonly Write[],
  { beganMs, endedMs }: BackupSpan,
): string[] {
  const ids = values.map(numberIn)
  if (ids.includes(undefined)) return ['torn']
  const held = writes.filter(({ id }) => ids.includes(id))
  const lost = writes.filter(({ id, endMs }) => endMs < beganMs && !ids.includes(id))
  return [...unsent(ids, held, endedMs), ...lost.map(({ id }) => `sibling ${id} is lost`)]
}

function wrongInSet(
  held: ReadonlySet<string>,
  elements: ReadonlyMap<string, readonly Write[]>,
  { beganMs, endedMs }: BackupSpan,
): string[] {
  const wrongs = [...held].filter((element) => !elements.has(element))
  for (const [element, [add, removal]] of elements) {
    if (add === undefined) continue
    const mustBeThere = add.endMs < beganMs && (removal === undefined || removal.sentMs > endedMs)
    const mayBeThere = add.sentMs < endedMs && (removal === undefined || removal.endMs >= beganMs)
    if (mustBeThere && !held.has(element)) wrongs.push(`element ${element} is lost`)
    if (!mayBeThere && held.has(element)) wrongs.push(`element ${element} is back`)
  }
  return wrongs
}

function unsent(
  ids: readonly (number | undefined)[],
  held: readonly Write[],
  endedMs: number,
): string[] {
  const known = new Set(held.map(({ id }) => id))
  return [
    ...ids.filter((id) => !known.has(id as number)).map((id) => `write ${id} was never sent`),
    ...held.filter(({ sentMs }) => sentMs > endedMs).map(({ id }) => `write ${id} came later`),
  ]
}

async function valuesOf(client: Quorate, place: string): Promise<string[]> {
  const [bucket = '', key = ''] = place.split('/')
  const { siblings } = await client.bucket(bucket).get(key, { consistency: 'quorum' })
  return siblings.map(({ value }) => value)
}

/** The number of the write, or undefined if the checksum is wrong. */
function numberIn(value: string): number | undefined {
  const at = value.lastIndexOf(' ')
  const text = value.slice(0, at)
  return checksum(text) === value.slice(at + 1) ? Number(text.split(' ')[0]) : undefined
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function listIn<K>(map: Map<K, Write[]>, key: K): Write[] {
  const list = map.get(key) ?? []
  map.set(key, list)
  return list
}
