/**
 * Searches for copies of a key that cover what a session has seen of it. It asks the owners first, then the fallbacks,
 * because an acknowledged write may exist only there. All copies found are merged: together they cover at least as much
 * as each alone.
 */
import { missingFrom } from '../../core/causality/session.ts'
import type { VersionVector } from '../../core/causality/version-vector.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { QuorateError } from '../../core/errors.ts'
import { allOwners, leastCount } from '../../core/quorum/owner-groups.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Codec } from '../../ports/codec.ts'
import { TOO_FEW_HAVE_TOLD } from '../replica/not-ready-reasons.ts'
import type { Deadline } from '../peers/deadlines.ts'
import { FETCH, keyRequest } from '../wire/asks/copy-asks.ts'
import { READ_HINTS } from '../wire/asks/hint-asks.ts'
import { ABSENT_COPY, type Copy, encodeVersion } from '../wire/object-record.ts'
import { copyIn, OwnerCopies } from '../round/owner-copies.ts'
import type { ReadParts } from '../read/read-parts.ts'
import { modeOf } from '../replica/replica.ts'
import { groupsOf, type PlacedRequest, ReplicaReports } from '../round/placed-request.ts'

/** After this delay the fallbacks are asked too, and the search no longer waits for more than `least` owners. */
const HEDGE_DELAY_MS = 75

/** How many owners must tell what they hold. */
export interface OwnersWanted {
  /** `whole`: only copies that contain everything settled count; a copy that is being refilled does not. */
  readonly kind: 'any' | 'whole'
  readonly least: number
  /** The search waits up to HEDGE_DELAY_MS for this many owners. */
  readonly best: number
}

export interface SearchParts extends ReadParts {
  /** Everything in the data partition up to this time is settled: an owner may have forgotten it. */
  readonly horizonOf: (partition: number) => Timestamp
}

/** The owners' copies, and their merge with the fallbacks' hints. */
export interface FoundPast {
  readonly copies: OwnerCopies
  readonly merged: Copy
  readonly reports: ReplicaReports
  /** Nodes that told what they hold. */
  readonly answered: number
}

/**
 * Resolves once all of `past` is covered and the wanted number of owners has answered. Rejects with
 * session_past_unreachable, which names what is missing and the nodes that did not answer.
 */
export function searchPast(
  parts: SearchParts,
  ports: { readonly clock: Clock; readonly codec: Codec },
  placed: PlacedRequest,
  past: VersionVector,
  wanted: OwnersWanted,
): Promise<FoundPast> {
  return new Promise((resolve, reject) => {
    new PastSearch(parts, ports, placed, past, wanted, { resolve, reject }).start()
  })
}

interface SearchEnd {
  readonly resolve: (found: FoundPast) => void
  readonly reject: (error: QuorateError) => void
}

class PastSearch {
  readonly #parts: SearchParts
  readonly #placed: PlacedRequest
  readonly #wanted: OwnersWanted
  readonly #end: SearchEnd
  readonly #copies: OwnerCopies
  readonly #reports: ReplicaReports
  #missing: VersionVector
  readonly #heard = new Set<string>()
  /** Owners whose answers count. */
  readonly #answered = new Set<string>()
  #waiting = 0
  #fallbacksAsked = false
  #isPatient = true
  #settled = false
  readonly #waits: Deadline[] = []

  constructor(
    parts: SearchParts,
    ports: { readonly clock: Clock; readonly codec: Codec },
    placed: PlacedRequest,
    past: VersionVector,
    wanted: OwnersWanted,
    end: SearchEnd,
  ) {
    this.#parts = parts
    this.#placed = placed
    this.#missing = past
    this.#wanted = wanted
    this.#end = end
    this.#copies = new OwnerCopies(ports.codec, modeOf(placed.at.bucket))
    this.#reports = new ReplicaReports(ports.clock)
  }

  start(): void {
    const { deadlines, clock, self } = this.#parts
    const { deadlineMs } = this.#placed
    const owners = allOwners(groupsOf(this.#placed))
    const leftMs = Math.max(0, deadlineMs - clock.nowMs())
    this.#waits.push(deadlines.in(leftMs, () => this.#fail()))
    this.#waits.push(deadlines.in(HEDGE_DELAY_MS, () => this.#hedge()))
    this.#waiting = owners.length
    for (const owner of owners) {
      if (owner === self) this.#readSelf()
      else this.#ask(owner)
    }
  }

  #hedge(): void {
    this.#isPatient = false
    this.#askFallbacks()
  }

  #readSelf(): void {
    const { self, replica, isProven, horizonOf } = this.#parts
    // Do not read an old directory: it may lack settled writes.
    if (!isProven()) {
      this.#reports.set(self, 'error', TOO_FEW_HAVE_TOLD)
      this.#noCopy()
      return
    }
    replica.read(this.#placed.at, (copy, refusal) => {
      if (copy !== undefined) this.#take(self, copy, horizonOf(this.#placed.at.partition), true)
      else {
        this.#reports.set(self, 'error', refusal?.message ?? '')
        this.#noCopy()
      }
    })
  }

  #ask(owner: string): void {
    const { peers, replica } = this.#parts
    const { at, deadlineMs } = this.#placed
    peers.ask(owner, FETCH, keyRequest(at), deadlineMs, (reply) => {
      if (reply.type !== 'ok') {
        this.#reports.setReply(owner, reply)
        this.#noCopy()
        return
      }
      const { record, horizon, isWhole } = reply.answer
      const copy = copyIn(replica, record)
      if (copy !== undefined) {
        this.#take(owner, copy, horizon, isWhole)
        return
      }
      this.#reports.set(owner, 'error', 'a damaged record')
      this.#noCopy()
    })
  }

  #take(owner: string, copy: Copy, horizon: Timestamp, isWhole: boolean): void {
    this.#reports.set(owner, 'ok')
    this.#heard.add(owner)
    // A next owner counts although it lacks settled copies: its group only has to show the writes made during the move.
    const isToCome = !this.#placed.owners.includes(owner)
    if (isWhole || isToCome || this.#wanted.kind === 'any') this.#answered.add(owner)
    this.#copies.take(owner, { version: encodeVersion(copy.object), copy })
    this.#removeCovered(copy, horizon)
    this.#waiting--
    this.#advance()
  }

  #noCopy(): void {
    this.#waiting--
    this.#advance()
  }

  /** Removes from `#missing` the writes that this copy covers. */
  #removeCovered(copy: Copy, horizon: Timestamp): void {
    const mode = modeOf(this.#placed.at.bucket)
    this.#missing = missingFrom(mode, copy.object, horizon, this.#missing)
  }

  #askFallbacks(): void {
    if (this.#fallbacksAsked || this.#settled) return
    this.#fallbacksAsked = true
    const { self, peers, hints, replica } = this.#parts
    const { at, fallbacks, deadlineMs } = this.#placed
    this.#waiting += fallbacks.length
    const take = (node: string, copy: Copy): void => {
      this.#heard.add(node)
      if (copy.record.length > 0) {
        this.#reports.set(node, 'hinted')
        this.#copies.merge(copy)
        this.#removeCovered(copy, 0)
      }
      this.#waiting--
      this.#advance()
    }
    for (const node of fallbacks) {
      if (node === self) hints.read(at, (copy) => take(self, copy))
      else {
        peers.ask(node, READ_HINTS, keyRequest(at), deadlineMs, (reply) => {
          const copy = reply.type === 'ok' ? copyIn(replica, reply.answer.record) : undefined
          if (copy !== undefined) {
            take(node, copy)
            return
          }
          if (reply.type !== 'ok') this.#reports.setReply(node, reply)
          this.#noCopy()
        })
      }
    }
    this.#advance()
  }

  #advance(): void {
    if (this.#settled) return
    const { least, best } = this.#wanted
    const isFound = this.#missing.size === 0 && this.#heard.size > 0
    const count = leastCount(groupsOf(this.#placed), (owner) => this.#answered.has(owner))
    const isEnough = count >= least
    const isBest = count >= best
    if (isFound && isEnough && (isBest || !this.#isPatient || this.#waiting === 0)) {
      this.#settle()
      this.#end.resolve({
        copies: this.#copies,
        merged: this.#copies.merged ?? ABSENT_COPY,
        reports: this.#reports,
        answered: this.#heard.size,
      })
      return
    }
    if (this.#waiting > 0) return
    // If the past is covered but too few owners answered, no fallback can stand in for an owner.
    if (this.#fallbacksAsked || isFound) this.#fail()
    else this.#askFallbacks()
  }

  #fail(): void {
    if (this.#settled) return
    this.#settle()
    const { at, fallbacks } = this.#placed
    const owners = allOwners(groupsOf(this.#placed))
    const name = `${at.bucket.name}/${at.key}`
    const asked = this.#fallbacksAsked ? [...owners, ...fallbacks] : owners
    const silent = asked.filter((node) => !this.#heard.has(node))
    const missing =
      this.#missing.size > 0
        ? `this session has seen a write of ${name} that none of the nodes that answered has`
        : `this session has seen ${name}, but too few of its owners answered`
    this.#end.reject(
      new QuorateError(
        'session_past_unreachable',
        silent.length === 0 ? missing : `${missing}; no answer from ${silent.join(', ')}`,
        { replicas: this.#reports.list(), retryAfterSeconds: 1 },
      ),
    )
  }

  #settle(): void {
    this.#settled = true
    for (const wait of this.#waits) this.#parts.deadlines.cancel(wait)
  }
}
