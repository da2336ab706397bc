/**
 * A small world of owners for the property of following.test.ts: their copies, their logs, what they have taken over
 * from each other, crashes, forgotten logs, moves of data partitions, and one watch that follows them.
 */
import { type FeedAsk, firstPosition, Following } from '../../../src/core/watch/following.ts'

const NODES = ['a', 'b', 'c', 'd']
const PARTITIONS = [0, 1, 2]
const KEYS = 9
const PAGE = 3

interface State {
  readonly time: number
  readonly isDead: boolean
}

interface Owner {
  readonly name: string
  readonly copies: Map<number, State>
  life: number
  /** The keys that changed; the first change has the number `begin` + 1. */
  log: number[]
  begin: number
  readonly keptSince: Map<number, number>
  /** By other node: the time of the last comparison that took over everything. */
  readonly tookOver: Map<string, number>
}

/** A rule that the watch breaks, to show that the property needs it. */
export type Broken =
  | 'marks without settling'
  | 'settled in the middle'
  | 'deaf to gone'
  | 'deaf to lives'
  | 'jumps'
  | 'forgets what it held back'

export class WatchedWorld {
  readonly #random: (bound: number) => number
  readonly #broken: Broken | undefined
  readonly #owners: readonly Owner[]
  readonly #ownersOf = new Map<number, string[]>()
  #now = 0
  #out = new Set<string>()
  #following: Following
  #startedAt = 0
  /** Key → the last state that was told. */
  #told = new Map<number, State>()
  resets = 0

  constructor(random: (bound: number) => number, broken?: Broken) {
    this.#random = random
    this.#broken = broken
    this.#owners = NODES.map((name) => ({
      name,
      copies: new Map(),
      life: random(1000),
      log: [],
      begin: 0,
      keptSince: new Map(),
      tookOver: new Map(),
    }))
    for (const partition of PARTITIONS) this.#ownersOf.set(partition, NODES.slice(0, 3))
    this.#following = this.#begin()
  }

  /** Something happens. */
  step(): void {
    const owner = this.#owners[this.#random(NODES.length)] as Owner
    const kind = this.#random(100)
    if (kind < 25) this.#write()
    else if (kind < 50) this.#compare(owner, this.#owners[this.#random(NODES.length)] as Owner)
    else if (kind < 75) this.#read(owner.name, kind < 57, this.#random(20))
    else if (kind < 85) this.#sample(owner)
    else if (kind < 88) this.#collect(owner)
    else if (kind < 91) this.#out = new Set([owner.name])
    else if (kind < 93) this.#out.clear()
    else if (kind < 95) this.#crash(owner)
    else if (kind < 96) this.#forget(owner)
    else if (kind < 97) this.#moveOwner(this.#random(PARTITIONS.length), owner)
    else this.#following = new Following(this.#copied(), PARTITIONS)
  }

  /** Ends all faults, makes all copies equal, and lets the watch read everything. */
  settle(): void {
    this.#out.clear()
    for (let round = 0; round < 2; round++) {
      for (const owner of this.#owners) {
        for (const other of this.#owners) this.#compare(owner, other)
      }
    }
    for (let round = 0; round < 400; round++) {
      for (const name of NODES) this.#read(name, round % 2 === 0)
    }
  }

  /** The keys whose last state the watch has missed. */
  missed(): number[] {
    const missed: number[] = []
    for (let key = 0; key < KEYS; key++) {
      const [first] = this.#ownersOf.get(partitionOf(key)) as string[]
      const state = this.#owner(first as string).copies.get(key)
      const told = this.#told.get(key)
      const isNew = state !== undefined && state.time > this.#startedAt
      if (!isNew && told === undefined) continue
      const live = state?.isDead === false ? state.time : 0
      const toldLive = told?.isDead === false ? told.time : 0
      if (live !== toldLive) missed.push(key)
    }
    return missed
  }

  #owner(name: string): Owner {
    return this.#owners.find((owner) => owner.name === name) as Owner
  }

  #end({ begin, log }: Owner): number {
    return begin + log.length
  }

  #horizon({ name, tookOver }: Owner): number {
    return Math.min(...NODES.filter((id) => id !== name).map((id) => tookOver.get(id) ?? 0))
  }

  #keeps(owner: Owner, key: number): boolean {
    return this.#ownersOf.get(partitionOf(key))?.includes(owner.name) === true
  }

  #apply(owner: Owner, key: number, state: State): void {
    const held = owner.copies.get(key)
    // A write up to the horizon that is not held is history.
    if (held === undefined && state.time <= this.#horizon(owner)) return
    if (held !== undefined && held.time >= state.time) return
    owner.copies.set(key, state)
    owner.log.push(key)
  }

  /** A write reaches some owners; the others get it by a comparison. */
  #write(): void {
    const key = this.#random(KEYS)
    const owners = this.#ownersOf.get(partitionOf(key)) as string[]
    const state = { time: ++this.#now, isDead: this.#random(3) === 0 }
    const sure = owners[this.#random(owners.length)]
    for (const name of owners) {
      if (name === sure || this.#random(2) === 0) this.#apply(this.#owner(name), key, state)
    }
  }

  #compare(owner: Owner, other: Owner): void {
    if (owner === other) return
    for (const [key, state] of other.copies) {
      if (this.#keeps(owner, key) && this.#keeps(other, key)) this.#apply(owner, key, state)
    }
    for (const [key, { time }] of owner.copies) {
      if (!this.#keeps(other, key) || other.copies.has(key)) continue
      if (time > this.#horizon(other)) continue
      owner.copies.delete(key)
      owner.log.push(key)
    }
    owner.tookOver.set(other.name, this.#now)
  }

  /** Forgets a delete that every owner holds. */
  #collect(owner: Owner): void {
    for (const [key, { time, isDead }] of owner.copies) {
      const isSettled = this.#owners.every((other) => this.#horizon(other) >= time)
      if (isDead && isSettled) owner.copies.delete(key)
    }
  }

  #crash(owner: Owner): void {
    owner.life++
    owner.log = []
    owner.begin = 0
    owner.keptSince.clear()
  }

  #forget(owner: Owner): void {
    owner.begin = this.#end(owner)
    owner.log = []
  }

  /** `owner` takes the place of another owner, or the other way round. */
  #moveOwner(partition: number, owner: Owner): void {
    const owners = this.#ownersOf.get(partition) as string[]
    if (owners.includes(owner.name)) return
    const gone = this.#owner(owners[this.#random(owners.length)] as string)
    for (const changing of [owner, gone]) {
      changing.log.push(-1)
      changing.keptSince.set(partition, this.#end(changing))
    }
    const before = owners.map((name) => this.#owner(name))
    this.#ownersOf.set(partition, [...owners.filter((name) => name !== gone.name), owner.name])
    for (const old of before) {
      for (const [key, state] of old.copies) {
        if (partitionOf(key) !== partition) continue
        const held = owner.copies.get(key)
        if (held !== undefined && held.time >= state.time) continue
        owner.copies.set(key, state)
        owner.log.push(key)
      }
    }
    // The new owners have what the old one held alone.
    for (const other of this.#owners)
      if (this.#keepsAny(other, partition)) this.#compareAs(other, gone, partition)
    for (const key of gone.copies.keys()) {
      if (partitionOf(key) !== partition) continue
      gone.copies.delete(key)
      gone.log.push(key)
    }
  }

  #keepsAny({ name }: Owner, partition: number): boolean {
    return this.#ownersOf.get(partition)?.includes(name) === true
  }

  #compareAs(owner: Owner, gone: Owner, partition: number): void {
    for (const [key, state] of gone.copies) {
      if (partitionOf(key) === partition) this.#apply(owner, key, state)
    }
  }

  #begin(): Following {
    this.#startedAt = this.#now
    this.#told = new Map()
    const samples = this.#owners.map((owner) => ({
      node: owner.name,
      life: owner.life,
      sequence: this.#end(owner),
    }))
    const first = firstPosition(samples, PARTITIONS, (p) => this.#ownersOf.get(p) as string[])
    if ('hidden' in first) throw new Error('every partition has an owner')
    return new Following(first, PARTITIONS)
  }

  /** The position as it comes back from a client. */
  #copied() {
    return structuredClone(this.#following.position())
  }

  #place(): void {
    const owners = {
      of: (partition: number) => this.#ownersOf.get(partition) as string[],
      isOut: (node: string) => this.#out.has(node),
    }
    if (this.#following.place(owners) === 'placed') return
    this.resets++
    this.#following = this.#begin()
  }

  #sample(owner: Owner): void {
    if (this.#out.has(owner.name)) return
    const stamp = this.#broken === 'marks without settling' ? 0 : this.#now
    const { name: node, life } = owner
    const sample = { node, life, sequence: this.#end(owner), stamp }
    if (this.#broken !== 'deaf to lives') this.#following.sampled(sample)
  }

  /** `untold`: the changes of this data partition cannot be told now. */
  #read(name: string, isHeld: boolean, untold = -1): void {
    this.#place()
    const ask = this.#following.next(name, isHeld)
    if (ask === undefined || this.#out.has(name)) return
    const owner = this.#owner(name)
    if (owner.life !== ask.life && this.#broken !== 'deaf to lives') {
      this.#following.learnLife(name, owner.life)
      return
    }
    const gone = ask.partitions.filter((partition) => !this.#hasAll(owner, partition, ask))
    if (gone.length > 0 && this.#broken !== 'deaf to gone' && this.#broken !== 'deaf to lives') {
      this.#following.gone(ask, gone)
      return
    }
    const end = Math.min(ask.until ?? this.#end(owner), this.#end(owner), ask.sequence + PAGE)
    for (let sequence = ask.sequence + 1; sequence <= end; sequence++) {
      const key = owner.log[sequence - owner.begin - 1]
      if (key === undefined || key < 0 || !ask.partitions.includes(partitionOf(key))) continue
      if (partitionOf(key) === untold) continue
      this.#told.set(key, owner.copies.get(key) ?? { time: 0, isDead: true })
    }
    const isEnd = end >= this.#end(owner) || this.#broken === 'settled in the middle'
    const sequence = this.#broken === 'jumps' ? this.#end(owner) : Math.max(end, ask.sequence)
    const isForgotten = this.#broken === 'forgets what it held back'
    const held = new Set(isForgotten ? [] : [untold])
    const read = { life: ask.life, sequence, isEnd, settled: this.#horizon(owner) }
    this.#following.took(ask, read, held)
  }

  #hasAll(owner: Owner, partition: number, { sequence }: FeedAsk): boolean {
    return (
      sequence <= this.#end(owner) &&
      sequence >= Math.max(owner.begin, owner.keptSince.get(partition) ?? 0) &&
      this.#keepsAny(owner, partition)
    )
  }
}

function partitionOf(key: number): number {
  return key % PARTITIONS.length
}
