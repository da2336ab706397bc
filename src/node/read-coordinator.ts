/**
 * Coordinates a client's read: asks R owners (the whole copy from the one expected to be fastest, only the
 * version from the others), merges, and repairs.
 *
 * A read that waits for more than one owner answers only once R owners hold what it answers: a later quorum
 * read meets one of them, so reads never go back. Reads of one copy, and owners beyond R, are compared after
 * the answer, at a bounded rate, so that the cost of convergence does not follow the load.
 */
import {
  ABSENT,
  liveSiblings,
  newestSibling,
  type StoredObject,
} from '../core/causality/stored-object.ts'
import { QuorateError } from '../core/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Codec, Encodable } from '../ports/codec.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { Deadline, Deadlines } from './deadlines.ts'
import type { HintStore } from './hint-store.ts'
import { APPLY_REPAIRS_CORRUPT } from './messages.ts'
import type { NodeClock } from './node-clock.ts'
import { ABSENT_COPY, type Copy, encodeVersion, equalVersions } from './object-record.ts'
import type { Peers, Reply } from './peers.ts'
import { mergeCopies, modeOf, type Replica } from './replica.ts'
import { type PlacedRequest, ReplicaReports } from './request.ts'
import type { ReadAnswer } from './service.ts'

/** After this long without an answer, the owners not yet asked are asked too. */
const HEDGE_DELAY_MS = 75
/** Comparisons after the answer, a second; under more load than this they are a sample. */
const LATE_CHECKS_PER_SECOND = 50
const LATE_CHECK_TIMEOUT_MS = 2000

export interface ReadParts {
  readonly self: string
  readonly replica: Replica
  readonly peers: Peers
  readonly hints: HintStore
  readonly clock: NodeClock
  readonly deadlines: Deadlines
  /** Whether it is worth asking; for sloppy levels, whether it is expected to answer soon. */
  readonly inReach: (node: string, sloppy: boolean) => boolean
  /** Smoothed round trip to a peer; smaller is asked first. */
  readonly latencyMs: (node: string) => number
}

/** What one owner has: its whole copy, or only its version. */
interface Found {
  readonly version: readonly Encodable[]
  readonly copy: Copy | undefined
}

export class ReadCoordinator {
  readonly #parts: ReadParts
  readonly #clock: Clock
  readonly #codec: Codec
  readonly #metrics: Metrics
  #lateChecks = LATE_CHECKS_PER_SECOND
  #lateChecksSinceMs = 0

  constructor(ports: { clock: Clock; codec: Codec; metrics: Metrics }, parts: ReadParts) {
    this.#clock = ports.clock
    this.#codec = ports.codec
    this.#metrics = ports.metrics
    this.#parts = parts
  }

  /** Rejects with a `QuorateError`. */
  read(placed: PlacedRequest): Promise<ReadAnswer> {
    return new Promise((resolve, reject) => {
      const end = { answered: resolve, failed: reject, mayCheckLate: () => this.#mayCheckLate() }
      const readAll = (): void =>
        new Read(this.#parts, this.#codec, this.#clock, this.#metrics, placed, end).start()
      const { self, replica } = this.#parts
      // One copy is wanted and this node has one: no message, and no bookkeeping of messages.
      if (placed.need.r === 1 && placed.owners.includes(self) && !this.#mayCheckLate()) {
        replica.read(placed.at, (copy) => {
          if (copy === undefined) readAll()
          else resolve(this.#ownCopy(placed, copy))
        })
      } else {
        readAll()
      }
    })
  }

  #ownCopy(placed: PlacedRequest, { object }: Copy): ReadAnswer {
    const { self, clock } = this.#parts
    const siblings = liveSiblings(object, clock.nowMs())
    return {
      level: placed.level,
      coordinator: self,
      quorum: { need: 1, got: 1, hinted: 0 },
      context: object.vector,
      replicas: [{ node: self, status: 'ok', ms: 0 }],
      siblings,
      deleted: siblings.length === 0 && newestSibling(object) !== undefined,
    }
  }

  #mayCheckLate(): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#lateChecksSinceMs >= 1000) {
      this.#lateChecksSinceMs = nowMs
      this.#lateChecks = LATE_CHECKS_PER_SECOND
    }
    return this.#lateChecks-- > 0
  }
}

interface ReadEnd {
  readonly answered: (answer: ReadAnswer) => void
  readonly failed: (error: QuorateError) => void
  readonly mayCheckLate: () => boolean
}

class Read {
  readonly #parts: ReadParts
  readonly #codec: Codec
  readonly #metrics: Metrics
  readonly #placed: PlacedRequest
  readonly #end: ReadEnd
  readonly #reports: ReplicaReports
  readonly #required: number
  /** Owners in the order in which they are asked, and how many of them have been. */
  #candidates: readonly string[] = []
  #asked = 0
  readonly #found = new Map<string, Found>()
  /** Owners whose record cannot be read: repaired like laggards, never counted. */
  readonly #corrupt = new Set<string>()
  #hinted = 0
  #failed = 0
  #whole: Copy | undefined
  #settled = false
  #merging = false
  #deadline: Deadline | undefined
  #hedge: Deadline | undefined
  /** When a sloppy read turns to the fallbacks: the owners are cut off, and nobody has noticed yet. */
  #patience: Deadline | undefined

  constructor(
    parts: ReadParts,
    codec: Codec,
    clock: Clock,
    metrics: Metrics,
    placed: PlacedRequest,
    end: ReadEnd,
  ) {
    this.#parts = parts
    this.#codec = codec
    this.#metrics = metrics
    this.#placed = placed
    this.#end = end
    this.#reports = new ReplicaReports(clock)
    this.#required = placed.need.r
  }

  start(): void {
    const { inReach: isInReach, deadlines, clock } = this.#parts
    const { owners, need } = this.#placed
    const inReach = owners.filter((owner) => isInReach(owner, need.sloppy))
    this.#candidates = this.#fastestFirst(inReach)
    if (inReach.length < this.#required && !need.sloppy) {
      this.#fail('quorum_unreachable', `the read needs ${this.#required} of ${owners.join(', ')}`)
      return
    }
    const delayMs = Math.max(0, this.#placed.deadlineMs - clock.nowMs())
    this.#deadline = deadlines.in(delayMs, () => this.#expire())
    if (inReach.length < this.#required) {
      this.#askFallbacks()
      this.#askMore(inReach.length)
      return
    }
    this.#askMore(this.#required)
    if (!this.#settled && this.#asked < this.#candidates.length) {
      this.#hedge = deadlines.in(HEDGE_DELAY_MS, () => this.#askMore(this.#candidates.length))
    }
    if (!this.#settled && need.sloppy) {
      this.#patience = deadlines.in(delayMs / 2, () => {
        if (this.#found.size < this.#required) this.#askFallbacks()
      })
    }
  }

  /** This node first, for it costs no message; then by measured round trip. */
  #fastestFirst(owners: readonly string[]): readonly string[] {
    const { self, latencyMs } = this.#parts
    const cost = (node: string): number => (node === self ? -1 : latencyMs(node))
    return owners.length < 2 ? owners : [...owners].sort((a, b) => cost(a) - cost(b))
  }

  #askMore(upTo: number): void {
    while (this.#asked < Math.min(upTo, this.#candidates.length) && !this.#settled) {
      const owner = this.#candidates[this.#asked++] as string
      // The whole copy is asked of the first, and again of any once the first has failed.
      if (owner === this.#parts.self) this.#readSelf()
      else this.#ask(owner, this.#asked === 1 || this.#failed > 0 ? 'read' : 'version')
    }
  }

  #readSelf(): void {
    const { self, replica } = this.#parts
    replica.read(this.#placed.at, (copy, refusal) => {
      if (copy !== undefined) {
        this.#take(self, { version: encodeVersion(copy.object), copy })
      } else {
        if (refusal?.code === 'record_corrupt') this.#corrupt.add(self)
        this.#reports.set(self, 'error', refusal?.message ?? '')
        this.#loseOne()
      }
    })
  }

  #ask(owner: string, kind: 'read' | 'version'): void {
    const { bucket, key } = this.#placed.at
    this.#parts.peers.ask(owner, kind, [bucket.name, key], this.#placed.deadlineMs, (reply) => {
      const found = this.#foundIn(reply, kind)
      if (found === undefined) {
        if (reply.type === 'refused' && reply.code === 'record_corrupt') this.#corrupt.add(owner)
        if (reply.type !== 'ok') this.#reports.setReply(owner, reply)
        this.#loseOne()
      } else {
        this.#take(owner, found)
      }
    })
  }

  #foundIn(reply: Reply, kind: 'read' | 'version'): Found | undefined {
    if (reply.type !== 'ok') return undefined
    if (kind === 'version') return { version: reply.body, copy: undefined }
    const copy = copyOf(this.#parts.replica, reply.body[0])
    return copy && { version: encodeVersion(copy.object), copy }
  }

  /** Sloppy, with too few owners in reach: what other nodes keep for the owners counts as well. */
  #askFallbacks(): void {
    const { self, peers, hints, inReach } = this.#parts
    const { at, fallbacks, deadlineMs } = this.#placed
    const holders = fallbacks.filter((node) => inReach(node, true))
    let waiting = holders.length
    let merged = ABSENT_COPY
    const take = (holder: string, copy: Copy | undefined): void => {
      waiting--
      if (copy !== undefined) {
        this.#hinted++
        this.#reports.set(holder, 'hinted')
        merged = mergeCopies(this.#codec, modeOf(at.bucket), merged, copy)
      }
      // All of them together, not the first: each keeps only what it stood in for.
      if (waiting === 0) this.#mergeWhole(merged)
    }
    // Counted as asked before any answers, because this node's own hints may answer at once.
    this.#fallbacksPending = holders.length > 0
    for (const holder of holders) {
      if (holder === self) {
        hints.read(at, (copy) => take(self, copy))
      } else {
        peers.ask(holder, 'read-hints', [at.bucket.name, at.key], deadlineMs, (reply) => {
          if (reply.type !== 'ok') this.#reports.setReply(holder, reply)
          take(holder, reply.type === 'ok' ? copyOf(this.#parts.replica, reply.body[0]) : undefined)
        })
      }
    }
    if (holders.length === 0 && this.#candidates.length === 0) this.#giveUp()
  }
  #fallbacksPending = false

  #mergeWhole(copy: Copy): void {
    this.#fallbacksPending = false
    this.#whole = this.#mergedWith(copy)
    this.#advance()
  }

  #take(owner: string, found: Found): void {
    this.#reports.set(owner, 'ok')
    this.#found.set(owner, found)
    if (this.#settled) {
      this.#checkLate()
      return
    }
    if (found.copy !== undefined) this.#whole = this.#mergedWith(found.copy)
    this.#advance()
  }

  #loseOne(): void {
    this.#failed++
    if (this.#settled) return
    this.#askMore(this.#asked + 1)
    this.#advance()
  }

  /** The next step, once enough have answered: fetch what the whole copy lacks, repair, answer. */
  #advance(): void {
    if (this.#settled || this.#merging || this.#fallbacksPending) return
    const got = this.#found.size + this.#hinted
    if (got < this.#required) {
      if (
        this.#asked >= this.#candidates.length &&
        this.#found.size + this.#failed >= this.#asked
      ) {
        this.#giveUp()
      }
      return
    }
    const behind = this.#lacking()
    if (behind.length > 0) this.#fetch(behind)
    else if (this.#required > 1 && !this.#placed.need.sloppy) this.#repairThenAnswer()
    else this.#answer()
  }

  /** Owners known only by a version that the merged copy may not cover. */
  #lacking(): string[] {
    if (this.#whole !== undefined) {
      const merged = encodeVersion(this.#whole.object)
      return [...this.#found]
        .filter(([, found]) => found.copy === undefined && !equalVersions(found.version, merged))
        .map(([owner]) => owner)
    }
    return [...this.#found.keys()]
  }

  #fetch(owners: readonly string[]): void {
    this.#merging = true
    let waiting = owners.length
    const { bucket, key } = this.#placed.at
    for (const owner of owners) {
      this.#parts.peers.ask(owner, 'read', [bucket.name, key], this.#placed.deadlineMs, (reply) => {
        const found = this.#foundIn(reply, 'read')
        if (found?.copy !== undefined) {
          this.#found.set(owner, found)
          if (!this.#settled) this.#whole = this.#mergedWith(found.copy)
        } else {
          // Its version counted, its copy cannot be had: it does not count any more.
          this.#found.delete(owner)
          this.#failed++
          if (!this.#settled) this.#askMore(this.#asked + 1)
        }
        if (--waiting > 0) return
        this.#merging = false
        if (!this.#settled) this.#advance()
      })
    }
  }

  /** Makes R owners hold the merged copy, then answers. */
  #repairThenAnswer(): void {
    const whole = this.#whole as Copy
    const laggards = this.#laggards(whole)
    let holding = this.#found.size - laggards.filter((owner) => this.#found.has(owner)).length
    if (holding >= this.#required) {
      this.#answer()
      return
    }
    this.#merging = true
    let waiting = laggards.length
    for (const owner of laggards) {
      this.#repair(owner, whole, this.#placed.deadlineMs, (repaired) => {
        waiting--
        if (repaired) holding++
        if (this.#settled) return
        if (holding >= this.#required) this.#answer()
        else if (waiting === 0) {
          this.#fail('deadline_passed', 'the owners differ and could not be brought up to date')
        }
      })
    }
  }

  #laggards(whole: Copy): string[] {
    const version = encodeVersion(whole.object)
    const behind = [...this.#found]
      .filter(([, found]) => !equalVersions(found.version, version))
      .map(([owner]) => owner)
    return [...behind, ...this.#corrupt]
  }

  #repair(owner: string, whole: Copy, deadlineMs: number, done: (repaired: boolean) => void): void {
    const { self, replica, peers } = this.#parts
    const { at } = this.#placed
    // A damaged record may be replaced only by what a majority of the owners holds.
    const flags = this.#found.size * 2 > this.#placed.owners.length ? APPLY_REPAIRS_CORRUPT : 0
    const finish = (repaired: boolean, error?: string): void => {
      if (repaired) {
        this.#metrics.count('read_repairs_total', { peer: owner })
        this.#reports.set(owner, 'repaired')
        this.#corrupt.delete(owner)
        this.#found.set(owner, { version: encodeVersion(whole.object), copy: whole })
      } else if (error !== undefined) {
        this.#reports.set(owner, 'error', error)
      }
      done(repaired)
    }
    if (owner === self) {
      replica.apply(at, whole, flags, (_applied, refusal) =>
        finish(refusal === undefined, refusal?.message),
      )
      return
    }
    const body = [at.bucket.name, at.key, whole.record, flags]
    peers.ask(owner, 'apply', body, deadlineMs, (reply) =>
      finish(reply.type === 'ok', reply.type === 'ok' ? undefined : `repair: ${reply.type}`),
    )
  }

  #answer(): void {
    this.#settle()
    const { clock, self } = this.#parts
    const object: StoredObject = this.#whole?.object ?? ABSENT
    const siblings = liveSiblings(object, clock.nowMs())
    this.#end.answered({
      level: this.#placed.level,
      coordinator: self,
      quorum: {
        need: this.#required,
        got: this.#found.size + this.#hinted,
        hinted: this.#hinted,
      },
      context: object.vector,
      replicas: this.#reports.list(),
      siblings,
      deleted: siblings.length === 0 && newestSibling(object) !== undefined,
    })
    this.#compareLater()
  }

  /** After the answer: the owners not asked yet, and whether those asked agree. */
  #compareLater(): void {
    const rest = this.#candidates.slice(this.#asked)
    const differ = this.#whole !== undefined && this.#laggards(this.#whole).length > 0
    if (!differ && (rest.length === 0 || !this.#end.mayCheckLate())) return
    this.#asked = this.#candidates.length
    const { bucket, key } = this.#placed.at
    const deadlineMs = this.#parts.clock.nowMs() + LATE_CHECK_TIMEOUT_MS
    for (const owner of rest) {
      if (owner === this.#parts.self) continue
      this.#parts.peers.ask(owner, 'version', [bucket.name, key], deadlineMs, (reply) => {
        const found = this.#foundIn(reply, 'version')
        if (found === undefined) return
        this.#found.set(owner, found)
        this.#checkLate()
      })
    }
    if (differ) this.#checkLate()
  }

  /** Brings together what was found after the answer: once, and without anybody waiting. */
  #checkLate(): void {
    if (this.#merging) return
    const { bucket, key } = this.#placed.at
    const deadlineMs = this.#parts.clock.nowMs() + LATE_CHECK_TIMEOUT_MS
    const behind = this.#lacking().filter((owner) => owner !== this.#parts.self)
    if (behind.length === 0) {
      const whole = this.#whole
      if (whole === undefined || whole.record.length === 0) return
      const laggards = this.#laggards(whole)
      for (const owner of laggards) this.#repair(owner, whole, deadlineMs, () => undefined)
      return
    }
    this.#merging = true
    let waiting = behind.length
    for (const owner of behind) {
      this.#parts.peers.ask(owner, 'read', [bucket.name, key], deadlineMs, (reply) => {
        const found = this.#foundIn(reply, 'read')
        if (found?.copy === undefined) this.#found.delete(owner)
        else {
          this.#found.set(owner, found)
          this.#whole = this.#mergedWith(found.copy)
        }
        if (--waiting > 0) return
        this.#merging = false
        this.#checkLate()
      })
    }
  }

  #mergedWith(copy: Copy): Copy {
    const { bucket } = this.#placed.at
    return this.#whole === undefined
      ? copy
      : mergeCopies(this.#codec, modeOf(bucket), this.#whole, copy)
  }

  #giveUp(): void {
    this.#fail(
      'quorum_unreachable',
      `${this.#found.size} of ${this.#required} needed owners answered`,
    )
  }

  #expire(): void {
    if (!this.#settled) {
      this.#fail(
        'deadline_passed',
        `${this.#found.size} of ${this.#required} needed owners answered within ${this.#placed.timeoutMs} ms`,
      )
    }
  }

  #fail(code: 'quorum_unreachable' | 'deadline_passed', message: string): void {
    this.#settle()
    const { owners, need } = this.#placed
    for (const owner of owners) {
      if (!this.#candidates.includes(owner)) this.#reports.set(owner, 'unreachable')
    }
    this.#end.failed(
      new QuorateError(code, message, {
        required: need.r,
        received: this.#found.size,
        replicas: this.#reports.list(),
        retryAfterSeconds: 1,
      }),
    )
  }

  #settle(): void {
    this.#settled = true
    this.#merging = false
    if (this.#deadline !== undefined) this.#parts.deadlines.cancel(this.#deadline)
    if (this.#hedge !== undefined) this.#parts.deadlines.cancel(this.#hedge)
    if (this.#patience !== undefined) this.#parts.deadlines.cancel(this.#patience)
  }
}

/** The copy in an answer to `read` or `read-hints`; undefined where it is damaged. */
function copyOf(replica: Replica, record: Encodable | undefined): Copy | undefined {
  if (!(record instanceof Uint8Array)) return undefined
  if (record.length === 0) return ABSENT_COPY
  const received = replica.receive(record)
  return 'code' in received ? undefined : received
}
