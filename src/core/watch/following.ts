/**
 * Decides which owner tells a watch the changes of each data partition, from which place of its log on.
 *
 * Each owner has a log of the changes of its own copies. The copies of a key become equal in the end, so the log of any
 * *one* owner tells of every write that survives: the write itself, or a later state of its key. So each data partition
 * follows one log at a time. A *feed* is a place in a log, with the data partitions that follow the log from there.
 * When that owner is gone, the partition has to continue in the log of another owner, at a place before which the watch
 * has missed nothing. Such a place is a *mark*:
 *
 * - When a watch begins, the ends of all logs are marks, because the watch promises nothing about earlier writes.
 * - Later the watch takes *samples*. A sample is the end of a log, with a stamp above every write in that owner's
 *   copies. An owner that has *settled* up to a time has taken over every write up to that time from every other owner
 *   (core/repair/stability.ts). So the sample becomes the mark of its log once the watch has read each feed to its end,
 *   at a time when the owner of the feed had settled beyond the stamp: these feeds have then told all that came before.
 *
 * A data partition with a change that cannot be told yet is *held back*: it gets a feed of its own, which stays where it
 * is, and the other partitions of its log go on.
 *
 * If a data partition can continue nowhere, the watch is *lost*: it has to tell its reader so, and begin again.
 *
 * Invariant: for each change before a mark or a feed in a log, the watch has told it, or began after it, or will find a
 * newer state of the key after that place. A place is never moved forward on a guess.
 */
import type { Timestamp } from '../causality/dot.ts'
import type { FeedPlace, LogPlace, Position } from './position.ts'

/** If there are more feeds, those in one log are joined by going back in it, so that a position stays small. */
const FEEDS_MAX = 12

/** The end of a log. */
export interface Sample extends LogPlace {
  /** Above every timestamp in that owner's copies at that time. */
  readonly stamp: Timestamp
}

/** A part of the log of one node that is to be read. */
export interface FeedAsk extends FeedPlace {
  /** Where to end, because another feed goes on from there; undefined for the end of the log. */
  readonly until: number | undefined
  /** Whether the part is read again, because its changes could not be told. */
  readonly isHeld: boolean
}

export interface LogRead {
  readonly life: number
  /** The log was read up to here. */
  readonly sequence: number
  /** Whether that is the end of the log. */
  readonly isEnd: boolean
  /** The owner had settled up to this time when it read the end of its log. */
  readonly settled: Timestamp
}

export interface Owners {
  /** The owners of a data partition in the topology in force, in order of preference. */
  readonly of: (partition: number) => readonly string[]
  /** Whether to do without the node as long as there is another way: it does not answer. */
  readonly isOut: (node: string) => boolean
}

interface Feed {
  readonly node: string
  readonly life: number
  sequence: number
  readonly partitions: Set<number>
  /** The owner had settled up to this time when the log was last read to its end; 0 before. */
  settled: Timestamp
  /** Its next changes could not be told when they were read. */
  isHeld: boolean
}

/** The first position of a watch, or the data partitions that no sampled node owns. */
export function firstPosition(
  samples: readonly LogPlace[],
  partitions: readonly number[],
  ownersOf: (partition: number) => readonly string[],
): Position | { readonly hidden: readonly number[] } {
  const feeds = samples.map(({ node, life, sequence }) => ({
    node,
    life,
    sequence,
    partitions: [] as number[],
  }))
  const hidden: number[] = []
  for (const partition of partitions) {
    const owners = ownersOf(partition)
    const feed = feeds.find(({ node }) => owners.includes(node))
    if (feed === undefined) hidden.push(partition)
    else feed.partitions.push(partition)
  }
  if (hidden.length > 0) return { hidden }
  return { feeds: feeds.filter((feed) => feed.partitions.length > 0), marks: samples.map(placeOf) }
}

export class Following {
  #feeds: Feed[] = []
  readonly #marks = new Map<string, LogPlace>()
  readonly #samples = new Map<string, Sample>()
  /** Data partitions without a feed. */
  readonly #waiting = new Set<number>()
  /** Data partition → nodes whose logs no longer have its changes after the mark. */
  readonly #useless = new Map<number, Set<string>>()
  /** The feed of each ask. A feed that has changed since the ask takes no answer. */
  readonly #asks = new WeakMap<FeedAsk, Feed>()

  /** `partitions`: all data partitions of the watch. */
  constructor(position: Position, partitions: readonly number[]) {
    for (const partition of partitions) this.#waiting.add(partition)
    for (const { node, life, sequence, partitions: told } of position.feeds) {
      const feed: Feed = { node, life, sequence, partitions: new Set(), settled: 0, isHeld: false }
      for (const partition of told) {
        if (this.#waiting.delete(partition)) feed.partitions.add(partition)
      }
      this.#feeds.push(feed)
    }
    for (const mark of position.marks) this.#marks.set(mark.node, placeOf(mark))
    this.#tidy()
  }

  position(): Position {
    const feeds = this.#feeds.map(({ node, life, sequence, partitions }) => ({
      node,
      life,
      sequence,
      partitions: [...partitions].sort((a, b) => a - b),
    }))
    return { feeds, marks: [...this.#marks.values()] }
  }

  /** Data partitions that follow no log at the moment. */
  get waiting(): ReadonlySet<number> {
    return this.#waiting
  }

  /** Data partitions that are held back. */
  get held(): number[] {
    return this.#feeds.flatMap(({ isHeld, partitions }) => (isHeld ? [...partitions] : []))
  }

  /** The nodes whose logs are followed. */
  nodes(): ReadonlySet<string> {
    return new Set(this.#feeds.map(({ node }) => node))
  }

  partitionsOf(node: string): number[] {
    return this.#feeds.flatMap((feed) => (feed.node === node ? [...feed.partitions] : []))
  }

  /** Every write up to this time has been told, or a newer state of its key. 0 if that is not known. */
  settled(): Timestamp {
    if (this.#waiting.size > 0 || this.#feeds.length === 0) return 0
    return Math.min(...this.#feeds.map(({ settled }) => settled))
  }

  /**
   * Finds a feed for every data partition that needs another one: its owner has changed, or does not answer. `lost`: a
   * partition can continue nowhere. Otherwise it continues, or waits for an owner that is out.
   */
  place({ of, isOut }: Owners): 'placed' | 'lost' {
    for (const feed of this.#feeds.slice()) {
      for (const partition of feed.partitions) {
        const owners = of(partition)
        const isOwner = owners.includes(feed.node)
        if (isOwner && !isOut(feed.node)) continue
        const others = owners.filter((owner) => owner !== feed.node)
        const mark = this.#markFor(partition, others, isOut)
        if (mark !== undefined) this.#move(partition, feed, mark)
        else if (!isOwner) this.#drop(partition, feed)
      }
    }
    let isLost = false
    for (const partition of this.#waiting) {
      const mark = this.#markFor(partition, of(partition), isOut)
      if (mark !== undefined) this.#continueAt(partition, mark)
      else if (this.#markFor(partition, of(partition), () => false) === undefined) isLost = true
    }
    this.#tidy()
    return isLost ? 'lost' : 'placed'
  }

  /**
   * The next part of the node's log to read, or to read again. Of several feeds in one log, the one that is behind comes
   * first.
   */
  next(node: string, isHeld = false): FeedAsk | undefined {
    const feeds = this.#feeds
      .filter((one) => one.node === node)
      .sort((a, b) => a.sequence - b.sequence)
    const feed = feeds.find((one) => one.isHeld === isHeld)
    if (feed === undefined) return undefined
    const { life, sequence, partitions } = feed
    const ahead = feeds.find((one) => !one.isHeld && one.life === life && one.sequence > sequence)
    const ask = {
      node,
      life,
      sequence,
      partitions: [...partitions],
      until: ahead?.sequence,
      isHeld,
    }
    this.#asks.set(ask, feed)
    return ask
  }

  /**
   * The part was read, and its changes are told, except those of the data partitions in `untold`: these are held back.
   * False if the feed has changed since the ask. Then the caller must not tell the changes.
   */
  took(
    ask: FeedAsk,
    { life, sequence, isEnd, settled }: LogRead,
    untold: ReadonlySet<number> = NONE,
  ): boolean {
    const feed = this.#current(ask)
    // A log is read forwards.
    if (feed === undefined || life !== feed.life || sequence < feed.sequence) return false
    this.#holdBack(feed, untold)
    feed.isHeld = false
    feed.sequence = sequence
    if (isEnd) feed.settled = settled
    this.#tidy()
    this.#raiseMarks()
    return true
  }

  /** Holds back these data partitions where they are. */
  holdBack(partitions: ReadonlySet<number>): void {
    for (const feed of this.#feeds.slice()) this.#holdBack(feed, partitions)
    this.#tidy()
  }

  /** The log no longer has these data partitions from the place of `ask` on. */
  gone(ask: FeedAsk, partitions: readonly number[]): void {
    const feed = this.#current(ask)
    if (feed === undefined) return
    const mark = this.#marks.get(feed.node)
    const isUseless = mark?.life === feed.life && mark.sequence <= ask.sequence
    for (const partition of partitions) {
      if (!feed.partitions.has(partition)) continue
      this.#drop(partition, feed)
      if (isUseless) this.#ban(partition, feed.node)
    }
    this.#tidy()
  }

  /** The node's log has the number `life` now. An earlier log of the node is gone. */
  learnLife(node: string, life: number): void {
    if (this.#marks.get(node)?.life !== life) this.#marks.delete(node)
    if (this.#samples.get(node)?.life !== life) this.#samples.delete(node)
    for (const feed of this.#feeds) {
      if (feed.node !== node || feed.life === life) continue
      for (const partition of feed.partitions) this.#drop(partition, feed)
    }
    this.#tidy()
  }

  sampled(sample: Sample): void {
    this.learnLife(sample.node, sample.life)
    if (!this.#samples.has(sample.node)) this.#samples.set(sample.node, sample)
    this.#raiseMarks()
  }

  /** Forgets the marks and samples of all other nodes. */
  keepMarksOf(members: readonly string[]): void {
    for (const node of this.#marks.keys()) if (!members.includes(node)) this.#marks.delete(node)
    for (const node of this.#samples.keys()) if (!members.includes(node)) this.#samples.delete(node)
  }

  #holdBack(feed: Feed, untold: ReadonlySet<number>): void {
    const held = [...feed.partitions].filter((partition) => untold.has(partition))
    if (held.length === 0) return
    this.#feeds.push({ ...feed, partitions: new Set(held), isHeld: true })
    for (const partition of held) feed.partitions.delete(partition)
  }

  #raiseMarks(): void {
    const settled = this.settled()
    for (const [node, sample] of this.#samples) {
      if (sample.stamp > settled) continue
      this.#marks.set(node, placeOf(sample))
      this.#samples.delete(node)
      for (const nodes of this.#useless.values()) nodes.delete(node)
    }
  }

  #markFor(
    partition: number,
    owners: readonly string[],
    isOut: (node: string) => boolean,
  ): LogPlace | undefined {
    const useless = this.#useless.get(partition)
    const owner = owners.find(
      (node) => this.#marks.has(node) && useless?.has(node) !== true && !isOut(node),
    )
    return owner === undefined ? undefined : this.#marks.get(owner)
  }

  #move(partition: number, feed: Feed, mark: LogPlace): void {
    this.#drop(partition, feed)
    this.#continueAt(partition, mark)
  }

  #continueAt(partition: number, { node, life, sequence }: LogPlace): void {
    this.#waiting.delete(partition)
    const isThere = (feed: Feed): boolean =>
      !feed.isHeld && feed.node === node && feed.life === life && feed.sequence === sequence
    let feed = this.#feeds.find(isThere)
    if (feed === undefined) {
      feed = { node, life, sequence, partitions: new Set(), settled: 0, isHeld: false }
      this.#feeds.push(feed)
    }
    feed.partitions.add(partition)
    feed.settled = 0
  }

  #drop(partition: number, feed: Feed): void {
    feed.partitions.delete(partition)
    this.#waiting.add(partition)
  }

  #ban(partition: number, node: string): void {
    const nodes = this.#useless.get(partition)
    if (nodes === undefined) this.#useless.set(partition, new Set([node]))
    else nodes.add(node)
  }

  /** Joins feeds that have met, or are held back in one log, and drops empty ones. */
  #tidy(): void {
    this.#feeds = this.#feeds.filter(({ partitions }) => partitions.size > 0)
    for (let i = 0; i < this.#feeds.length; i++) {
      const feed = this.#feeds[i] as Feed
      const isTwin = (other: Feed): boolean =>
        other !== feed &&
        other.node === feed.node &&
        other.life === feed.life &&
        other.isHeld === feed.isHeld &&
        (other.sequence === feed.sequence || feed.isHeld || this.#feeds.length > FEEDS_MAX)
      const twin = this.#feeds.find(isTwin)
      if (twin === undefined) continue
      this.#join(feed, twin)
      i = -1
    }
  }

  /** The joined feed begins where the one that is behind begins. */
  #join(feed: Feed, twin: Feed): void {
    for (const partition of twin.partitions) feed.partitions.add(partition)
    if (feed.sequence !== twin.sequence && !feed.isHeld) feed.settled = 0
    else feed.settled = Math.min(feed.settled, twin.settled)
    feed.sequence = Math.min(feed.sequence, twin.sequence)
    this.#feeds = this.#feeds.filter((other) => other !== twin)
  }

  /** The feed of the ask, if it is still at the same place, with the same data partitions. */
  #current(ask: FeedAsk): Feed | undefined {
    const feed = this.#asks.get(ask)
    if (feed === undefined || !this.#feeds.includes(feed)) return undefined
    const isSame =
      feed.sequence === ask.sequence &&
      feed.partitions.size === ask.partitions.length &&
      ask.partitions.every((partition) => feed.partitions.has(partition))
    return isSame ? feed : undefined
  }
}

const NONE: ReadonlySet<number> = new Set()

function placeOf({ node, life, sequence }: LogPlace): LogPlace {
  return { node, life, sequence }
}
