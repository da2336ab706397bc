/**
 * The read of a strong key without a proposal. It asks every owner in reach what it has accepted: the nearest for its
 * whole copy, the others for the ballot. It answers as soon as a majority reports the same ballot; during a move, as
 * soon as a majority of the owners and a majority of the next owners do.
 *
 * Why this is linearizable: if a majority has accepted one proposal, it is decided. A proposal that was decided before
 * the read began is at a majority too, so at least one owner that answered has it or a later one. Owners never go back.
 * Hence the value read is that one or a later one. One exception: repair may bring a proposal to an owner that has
 * promised a later one. Such a copy decided nothing, and does not count (a later promise contests it).
 *
 * All answers must belong to one placement, so the caller compares the placement again at the end. Otherwise a proposal
 * could look decided because one old owner and one new owner have accepted it.
 */
import { compareBallots, type Ballot } from '../../core/consensus/ballot.ts'
import { ballotOf } from '../../core/consensus/register.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import { majority } from '../../core/quorum/level.ts'
import {
  allOwners,
  everyGroup,
  leastCount,
  type OwnerGroups,
} from '../../core/quorum/owner-groups.ts'
import type { ReplicaReport } from '../../core/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Deadline, Deadlines } from '../peers/deadlines.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { keyRequest } from '../wire/asks/copy-asks.ts'
import { REGISTER_READ, type RegisterReadAnswer } from '../wire/asks/register-asks.ts'
import type { Copy } from '../wire/object-record.ts'
import { copyIn } from '../round/owner-copies.ts'
import type { PeerReach } from '../peers/peer-reach.ts'
import type { Peers } from '../peers/peers.ts'
import type { RegisterAcceptor } from './register-acceptor.ts'
import type { Replica } from '../replica/replica.ts'
import { groupsOf, type PlacedRequest, ReplicaReports } from '../round/placed-request.ts'

/** Time for the remaining owners once a majority has answered without agreeing. */
const PATIENCE_MS = 50

export interface StrongReadParts {
  readonly self: string
  readonly acceptor: RegisterAcceptor
  readonly replica: Replica
  readonly peers: Peers
  readonly clock: NodeClock
  readonly deadlines: Deadlines
  readonly reach: PeerReach
  readonly latencyMs: (node: string) => number
}

export interface AgreedRead {
  readonly coordinator: string
  readonly object: StoredObject
  readonly received: number
  readonly replicas: readonly ReplicaReport[]
}

interface Seen {
  readonly ballot: Ballot
  readonly isUncontested: boolean
  readonly copy: Copy | undefined
}

/** Undefined if the owners in reach do not agree in time. */
export function readAgreed(
  ports: { clock: Clock },
  parts: StrongReadParts,
  placed: PlacedRequest,
): Promise<AgreedRead | undefined> {
  return new Promise((resolve) => new StrongRead(ports, parts, placed, resolve).start())
}

class StrongRead {
  readonly #parts: StrongReadParts
  readonly #placed: PlacedRequest
  readonly #groups: OwnerGroups
  /** Needed in each group. */
  readonly #required: number
  readonly #reports: ReplicaReports
  readonly #seen = new Map<string, Seen>()
  #done: ((agreed: AgreedRead | undefined) => void) | undefined
  #open = 0
  #patience: Deadline | undefined
  #wait: Deadline | undefined

  constructor(
    ports: { clock: Clock },
    parts: StrongReadParts,
    placed: PlacedRequest,
    done: (agreed: AgreedRead | undefined) => void,
  ) {
    this.#parts = parts
    this.#placed = placed
    this.#groups = groupsOf(placed)
    this.#required = majority(placed.owners.length)
    this.#reports = new ReplicaReports(ports.clock)
    this.#done = done
  }

  start(): void {
    const { self, reach, latencyMs } = this.#parts
    const cost = (node: string): number => (node === self ? -1 : latencyMs(node))
    const near = allOwners(this.#groups)
      .filter((owner) => owner === self || reach.isReachable(owner))
      .sort((a, b) => cost(a) - cost(b))
    if (!everyGroup(this.#groups, this.#required, (owner) => near.includes(owner))) {
      this.#end(undefined)
      return
    }
    this.#open = near.length
    // Peers get the deadline with the question; the disk of this node has none.
    const leftMs = Math.max(0, this.#placed.deadlineMs - this.#parts.clock.nowMs())
    this.#wait = this.#parts.deadlines.in(leftMs, () => this.#end(undefined))
    near.forEach((owner, i) => {
      if (owner === self) this.#readSelf()
      else this.#ask(owner, i === 0)
    })
  }

  #readSelf(): void {
    const { self, acceptor } = this.#parts
    acceptor.read(this.#placed.at, (state, refusal) => {
      if (state === undefined) this.#reports.set(self, 'error', refusal?.message ?? '')
      else {
        const { copy, isUncontested } = state
        this.#reports.set(self, 'ok')
        this.#seen.set(self, { ballot: ballotOf(copy.object), isUncontested, copy })
      }
      this.#answered()
    })
  }

  #ask(owner: string, wantsCopy: boolean): void {
    const { at, deadlineMs } = this.#placed
    const request = { ...keyRequest(at), wantsCopy }
    this.#parts.peers.ask(owner, REGISTER_READ, request, deadlineMs, (reply) => {
      if (reply.type === 'ok') this.#take(owner, reply.answer)
      else this.#reports.setReply(owner, reply)
      this.#answered()
    })
  }

  #take(owner: string, answer: RegisterReadAnswer): void {
    const seen = this.#seenIn(answer)
    if (seen === undefined) {
      this.#reports.set(owner, 'error', 'a damaged record')
      return
    }
    this.#reports.set(owner, 'ok')
    this.#seen.set(owner, seen)
  }

  /** Undefined if the copy is damaged. */
  #seenIn(answer: RegisterReadAnswer): Seen | undefined {
    const { isUncontested } = answer
    if (answer.type === 'ballot') return { ballot: answer.ballot, isUncontested, copy: undefined }
    const copy = copyIn(this.#parts.replica, answer.record)
    return copy && { ballot: ballotOf(copy.object), isUncontested, copy }
  }

  #answered(): void {
    this.#open--
    if (this.#done === undefined) return
    const agreed = this.#agreed()
    if (agreed !== undefined || this.#open === 0) this.#end(agreed)
    else if (everyGroup(this.#groups, this.#required, (owner) => this.#seen.has(owner))) {
      this.#patience ??= this.#parts.deadlines.in(PATIENCE_MS, () => this.#end(undefined))
    }
  }

  #agreed(): AgreedRead | undefined {
    for (const { ballot, copy } of this.#seen.values()) {
      if (copy === undefined) continue
      const received = leastCount(this.#groups, (owner) => {
        const other = this.#seen.get(owner)
        return other?.isUncontested === true && compareBallots(other.ballot, ballot) === 0
      })
      if (received < this.#required) continue
      const { self } = this.#parts
      return { coordinator: self, object: copy.object, received, replicas: this.#reports.list() }
    }
    return undefined
  }

  #end(agreed: AgreedRead | undefined): void {
    for (const wait of [this.#patience, this.#wait]) {
      if (wait !== undefined) this.#parts.deadlines.cancel(wait)
    }
    const done = this.#done
    this.#done = undefined
    done?.(agreed)
  }
}
