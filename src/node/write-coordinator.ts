/**
 * Coordinates a client's write at a node that may: at an owner of the key, at any node for lww, and at a
 * fallback where a sloppy level asks for availability and no owner can be reached (design 3 and 4).
 *
 * The rules that keep acknowledged writes: only an owner mints dots with its own actor; a write counts the
 * owner's own disk; a node that believes too few owners in reach refuses before anything is applied; a blind
 * write replaces only what is older than itself; an lww write that meets a newer timestamp is written again
 * above it before it is acknowledged.
 */
import type { Dot } from '../core/causality/dot.ts'
import {
  ABSENT,
  coverDots,
  liveSiblings,
  newestSibling,
  type StoredObject,
  write,
} from '../core/causality/stored-object.ts'
import {
  covers,
  EMPTY_VECTOR,
  joinDot,
  type VersionVector,
} from '../core/causality/version-vector.ts'
import { QuorateError } from '../core/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Codec } from '../ports/codec.ts'
import type { Log } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { Deadlines } from './deadlines.ts'
import type { HintStore } from './hint-store.ts'
import { APPLY_REPORT_UNCOVERED } from './messages.ts'
import type { NodeClock } from './node-clock.ts'
import { type Copy, encodeCopy } from './object-record.ts'
import type { Peers } from './peers.ts'
import { modeOf, type Refusal, type Replica } from './replica.ts'
import { type PlacedRequest, rejection, ReplicaReports } from './request.ts'
import type { WriteAnswer, WriteRequest } from './service.ts'
import { type RoundFindings, type RoundTargets, type Settled, WriteRound } from './write-round.ts'

/** Siblings of one key above which it is logged and counted, and above which a write is refused. */
export const SIBLINGS_WARN = 25
export const SIBLINGS_MAX = 100
/** How often a timestamp is asked of a clock whose bound is being raised. */
const MINT_ATTEMPTS_MAX = 3

export interface WriteParts {
  readonly self: string
  /** The actor of this life of the node. */
  readonly actor: string
  readonly replica: Replica
  readonly peers: Peers
  readonly hints: HintStore
  readonly clock: NodeClock
  readonly deadlines: Deadlines
  /** Whether it is worth asking; for sloppy levels, whether it is expected to answer soon. */
  readonly inReach: (node: string, sloppy: boolean) => boolean
}

/** What this node has just made of the write, with its own copy as it was before. */
interface Minted {
  readonly copy: Copy
  readonly dot: Dot
  readonly existed: boolean
}

export class WriteCoordinator {
  readonly #parts: WriteParts
  readonly #clock: Clock
  readonly #codec: Codec
  readonly #log: Log
  readonly #metrics: Metrics

  constructor(
    ports: { clock: Clock; codec: Codec; log: Log; metrics: Metrics },
    parts: WriteParts,
  ) {
    this.#clock = ports.clock
    this.#codec = ports.codec
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#parts = parts
  }

  /** Whether this node may mint for the key; if not, an owner must (forward.ts). */
  mayCoordinate(placed: PlacedRequest): boolean {
    if (modeOf(placed.at.bucket) === 'lww' || placed.owners.includes(this.#parts.self)) return true
    return placed.need.sloppy && !placed.owners.some((owner) => this.#parts.inReach(owner, true))
  }

  /** Rejects with a `QuorateError`; resolves at W durable copies, at `weak` at once. */
  async write(placed: PlacedRequest, request: WriteRequest): Promise<WriteAnswer> {
    const targets = this.#targets(placed)
    const isOwner = placed.owners.includes(this.#parts.self)
    if (isOwner) {
      const refusal = this.#parts.replica.refusal()
      if (refusal !== undefined) throw rejection(refusal)
    }
    this.#refuseWithoutQuorum(placed, targets)
    const reports = new ReplicaReports(this.#clock)
    const dotted = this.#write(placed, request, targets, isOwner, reports)
    if (placed.level !== 'weak') return dotted
    // Accepted in memory: what becomes of it is for the counters only.
    dotted.catch((error: unknown) => {
      this.#log.debug({ requestId: placed.requestId, error: String(error) }, 'a weak write failed')
    })
    return this.#answer(placed, reports, {
      context: request.context ?? EMPTY_VECTOR,
      got: 0,
      hinted: 0,
      siblings: [],
      existed: false,
      durable: false,
    })
  }

  async #write(
    placed: PlacedRequest,
    request: WriteRequest,
    targets: RoundTargets,
    isOwner: boolean,
    reports: ReplicaReports,
  ): Promise<WriteAnswer> {
    // The first timestamp may need the clock's bound raised, which is a matter of the disk: before the copy is
    // found, because nothing may wait between finding and replacing it.
    let minted = await this.#mint(placed, request, isOwner, reports)
    let round = await this.#round(
      placed,
      minted.targets(targets),
      minted.copy,
      minted.flags,
      reports,
    )
    const { findings } = round
    const again = this.#secondRound(placed, request, minted, findings)
    if (again !== undefined) {
      minted = again
      round = await this.#round(placed, again.targets(targets), again.copy, 0, reports)
    }
    const live = liveSiblings(minted.copy.object, this.#parts.clock.nowMs())
    return this.#answer(placed, reports, {
      context: contextAfter(minted.copy.object, request.context, minted.dot),
      got: round.tally.got,
      hinted: round.tally.hinted,
      siblings: live,
      existed: minted.existed || findings.existed,
      durable: true,
    })
  }

  /** Mints a dot and makes the new object; for an owner, on top of its own copy. */
  async #mint(
    placed: PlacedRequest,
    request: WriteRequest,
    isOwner: boolean,
    reports: ReplicaReports,
  ): Promise<RoundStart> {
    const mode = modeOf(placed.at.bucket)
    const { content, context } = request
    if (!isOwner) {
      const timestamp = await this.#timestamp()
      // A one-off actor: what this write says of it covers nothing that this node has not seen.
      const actor =
        mode === 'lww' ? this.#parts.actor : `${this.#parts.actor}~${timestamp.toString(36)}`
      const dot = { actor, timestamp }
      const object = write(mode, ABSENT, dot, content, context ?? EMPTY_VECTOR)
      return {
        copy: encodeCopy(this.#codec, object),
        dot,
        existed: false,
        flags: 0,
        targets: (targets) => targets,
      }
    }
    for (let attempt = 1; ; attempt++) {
      const made = await this.#mintOnOwnCopy(placed, request, reports)
      if (made !== undefined) return made
      if (attempt === MINT_ATTEMPTS_MAX) throw clockNotPersisted()
      await this.#raiseBound()
    }
  }

  /** Undefined where the clock's bound has to be raised first. */
  #mintOnOwnCopy(
    placed: PlacedRequest,
    request: WriteRequest,
    reports: ReplicaReports,
  ): Promise<RoundStart | undefined> {
    const { replica, clock, actor } = this.#parts
    const mode = modeOf(placed.at.bucket)
    return new Promise((resolve, reject) => {
      replica.find(placed.at, (entry, refusal) => {
        if (entry === undefined) {
          reject(rejection(refusal as Refusal))
          return
        }
        try {
          const held = entry.latest.object
          // A clock restarted behind its own records, or an lww value from a faster clock.
          clock.observe(newestSibling(held)?.timestamp ?? 0)
          const timestamp = clock.mint()
          if (timestamp === undefined) {
            resolve(undefined)
            return
          }
          const dot = { actor, timestamp }
          const object = write(mode, held, dot, request.content, request.context)
          this.#refuseTooManySiblings(placed, object)
          const copy = encodeCopy(this.#codec, object)
          const existed = liveSiblings(held, clock.nowMs()).length > 0
          const blind = mode === 'siblings' && request.context === undefined
          // Replaced in the same turn as found: the store below runs when the round starts, but the latest
          // object must be this one before any other write of the key builds on it.
          const stored = deferredStore((done) => replica.replace(placed.at, entry, copy, done))
          reports.set(this.#parts.self, 'pending')
          resolve({
            copy,
            dot,
            existed,
            flags: blind ? APPLY_REPORT_UNCOVERED : 0,
            targets: (targets) => ({ ...targets, storeLocally: stored }),
          })
        } catch (error) {
          reject(error as Error)
        }
      })
    })
  }

  /** What has to be written again before the write may be acknowledged, if anything. */
  #secondRound(
    placed: PlacedRequest,
    request: WriteRequest,
    first: Minted,
    findings: RoundFindings,
  ): RoundStart | undefined {
    const isOwner = placed.owners.includes(this.#parts.self)
    if (modeOf(placed.at.bucket) === 'lww')
      return this.#aboveNewer(placed, request, first, findings, isOwner)
    const older = findings.uncovered.filter(({ timestamp }) => timestamp < first.dot.timestamp)
    if (older.length === 0 || !isOwner) return undefined
    this.#metrics.count('blind_write_second_rounds_total')
    const object = coverDots(first.copy.object, older)
    const copy = encodeCopy(this.#codec, object)
    return {
      ...first,
      copy,
      flags: 0,
      targets: (targets) => this.#mergedLocally(placed, targets, copy),
    }
  }

  /** An owner holds a newer timestamp: the same content again, above it. */
  #aboveNewer(
    placed: PlacedRequest,
    request: WriteRequest,
    first: Minted,
    findings: RoundFindings,
    isOwner: boolean,
  ): RoundStart | undefined {
    if (findings.newest <= first.dot.timestamp) return undefined
    this.#metrics.count('lww_second_rounds_total')
    this.#parts.clock.observe(findings.newest)
    const timestamp = this.#parts.clock.mint()
    if (timestamp === undefined) throw clockNotPersisted()
    const dot = { actor: this.#parts.actor, timestamp }
    const copy = encodeCopy(this.#codec, write('lww', ABSENT, dot, request.content, undefined))
    return {
      copy,
      dot,
      existed: first.existed,
      flags: 0,
      targets: (targets) => (isOwner ? this.#mergedLocally(placed, targets, copy) : targets),
    }
  }

  #mergedLocally(placed: PlacedRequest, targets: RoundTargets, copy: Copy): RoundTargets {
    return {
      ...targets,
      storeLocally: (done) =>
        this.#parts.replica.apply(placed.at, copy, 0, (_applied, refusal) => done(refusal)),
    }
  }

  /** Sends one copy everywhere; resolves when W have it durably, rejects otherwise. */
  #round(
    placed: PlacedRequest,
    targets: RoundTargets,
    copy: Copy,
    flags: number,
    reports: ReplicaReports,
  ): Promise<WriteRound> {
    const { deadlines, clock } = this.#parts
    return new Promise((resolve, reject) => {
      const delayMs = Math.max(0, placed.deadlineMs - clock.nowMs())
      const deadline = deadlines.in(delayMs, () => round.expire())
      const settled = (outcome: Settled): void => {
        deadlines.cancel(deadline)
        if (outcome === 'met') resolve(round)
        else reject(this.#failure(placed, round, outcome, reports))
      }
      const round = new WriteRound(this.#parts, placed, targets, copy, reports, settled)
      round.start(targets, flags)
    })
  }

  #targets(placed: PlacedRequest): RoundTargets {
    const { self, inReach } = this.#parts
    const { sloppy } = placed.need
    const owners = placed.owners.filter((owner) => owner !== self && inReach(owner, sloppy))
    const away = placed.owners.filter((owner) => owner !== self && !inReach(owner, sloppy))
    if (!sloppy) return { storeLocally: undefined, owners, standIns: [], missed: away }
    const holders = placed.fallbacks.filter((node) => inReach(node, sloppy))
    if (holders.length === 0) return { storeLocally: undefined, owners, standIns: [], missed: away }
    // Where more owners are away than nodes are left, some nodes keep the write for several of them.
    const standIns = away.map((owner, i) => ({
      owner,
      holder: holders[i % holders.length] as string,
    }))
    return { storeLocally: undefined, owners, standIns, missed: [] }
  }

  #refuseWithoutQuorum(placed: PlacedRequest, targets: RoundTargets): void {
    const nodes = new Set([...targets.owners, ...targets.standIns.map(({ holder }) => holder)])
    if (placed.owners.includes(this.#parts.self)) nodes.add(this.#parts.self)
    const required = Math.max(placed.need.w, 1)
    if (nodes.size >= required) return
    throw new QuorateError(
      'quorum_unreachable',
      `the write needs ${required} of ${placed.owners.join(', ')}; in reach of ${this.#parts.self}: ` +
        `${[...nodes].join(', ') || 'none'}`,
      {
        required,
        received: 0,
        retryAfterSeconds: 1,
        replicas: placed.owners.map((node) => ({
          node,
          status: nodes.has(node) ? 'pending' : 'unreachable',
          ms: 0,
        })),
      },
    )
  }

  #refuseTooManySiblings(placed: PlacedRequest, object: StoredObject): void {
    const count = object.siblings.length
    if (count <= SIBLINGS_WARN) return
    const refuse = count > SIBLINGS_MAX
    this.#metrics.count('siblings_limit_total', { limit: refuse ? 'refuse' : 'warn' })
    const fields = { bucket: placed.at.bucket.name, siblings: count, requestId: placed.requestId }
    this.#log.warn(fields, 'a key has many siblings')
    if (!refuse) return
    throw new QuorateError(
      'too_many_siblings',
      `the key has ${count - 1} siblings, at most ${SIBLINGS_MAX} are kept: read it, and write once with its context`,
    )
  }

  #failure(
    placed: PlacedRequest,
    round: WriteRound,
    outcome: 'rejected' | 'unknown',
    reports: ReplicaReports,
  ): QuorateError {
    const required = Math.max(placed.need.w, 1)
    const details = { required, received: round.tally.got, replicas: reports.list() }
    const counted = `${round.tally.got} of ${required} needed copies of the write were stored`
    return outcome === 'rejected'
      ? new QuorateError('quorum_unreachable', `${counted}; nothing was applied`, {
          ...details,
          retryAfterSeconds: 1,
        })
      : new QuorateError(
          'outcome_unknown',
          `${counted} within ${placed.timeoutMs} ms; it may still be applied`,
          details,
        )
  }

  #answer(
    placed: PlacedRequest,
    reports: ReplicaReports,
    result: {
      context: VersionVector
      got: number
      hinted: number
      siblings: readonly Dot[]
      existed: boolean
      durable: boolean
    },
  ): WriteAnswer {
    return {
      level: placed.level,
      coordinator: this.#parts.self,
      quorum: { need: placed.need.w, got: result.got, hinted: result.hinted },
      context: result.context,
      replicas: reports.list(),
      durable: result.durable,
      siblings: result.siblings,
      existed: result.existed,
    }
  }

  async #timestamp(): Promise<number> {
    for (let attempt = 1; attempt <= MINT_ATTEMPTS_MAX; attempt++) {
      const timestamp = this.#parts.clock.mint()
      if (timestamp !== undefined) return timestamp
      await this.#raiseBound()
    }
    throw clockNotPersisted()
  }

  async #raiseBound(): Promise<void> {
    try {
      await this.#parts.clock.raised()
    } catch (error) {
      throw new QuorateError(
        'storage_failed',
        'the clock could not be persisted',
        {},
        { cause: error },
      )
    }
  }
}

interface RoundStart extends Minted {
  readonly flags: number
  readonly targets: (targets: RoundTargets) => RoundTargets
}

/** Starts to store now; tells the outcome to whoever asks, before or after it is known. */
function deferredStore(
  store: (done: (refusal: Refusal | undefined) => void) => void,
): (done: (refusal: Refusal | undefined) => void) => void {
  let finished = false
  let outcome: Refusal | undefined
  let waiting: ((refusal: Refusal | undefined) => void) | undefined
  store((refusal) => {
    finished = true
    outcome = refusal
    waiting?.(refusal)
  })
  return (done) => {
    if (finished) done(outcome)
    else waiting = done
  }
}

/**
 * What the client may say it has seen after its write: all of the object where its write replaced all; else
 * what it knew before, and its own dot where that covers none of the siblings that are still there.
 */
function contextAfter(
  object: StoredObject,
  seen: VersionVector | undefined,
  dot: Dot,
): VersionVector {
  if (object.siblings.length <= 1 || seen === undefined) return object.vector
  const joined = joinDot(seen, dot)
  const others = object.siblings.filter(
    (sibling) => sibling.actor !== dot.actor || sibling.timestamp !== dot.timestamp,
  )
  return others.some((sibling) => covers(joined, sibling)) ? seen : joined
}

function clockNotPersisted(): QuorateError {
  return new QuorateError('overloaded', 'the clock is waiting for the disk', {
    retryAfterSeconds: 1,
  })
}
