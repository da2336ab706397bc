/** Runs the read of a strong key that needs no proposal, because the owners agree (core/replication/agreed-read.ts). */
import { ballotOf } from '../../core/consensus/register.ts'
import type { ReplicaReport } from '../../core/errors.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import { majority } from '../../core/quorum/level.ts'
import { allOwners } from '../../core/quorum/owner-groups.ts'
import {
  type Accepted,
  AgreedRead,
  type AgreedReadEffect,
} from '../../core/replication/agreed-read.ts'
import type { Clock } from '../../ports/clock.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Deadlines } from '../peers/deadlines.ts'
import { nearestFirst, type PeerReach } from '../peers/peer-reach.ts'
import type { Peers } from '../peers/peers.ts'
import type { Reply } from '../peers/reply.ts'
import type { Replica } from '../replica/replica.ts'
import { groupsOf, type PlacedRequest, ReplicaReports } from '../round/placed-request.ts'
import { ProtocolRun } from '../round/protocol-run.ts'
import { copyIn } from '../round/received-copies.ts'
import { keyRequest } from '../wire/asks/copy-asks.ts'
import { REGISTER_READ, type RegisterReadAnswer } from '../wire/asks/register-asks.ts'
import type { Copy } from '../wire/object-record.ts'
import type { RegisterAcceptor } from './register-acceptor.ts'

/** If a majority has answered but does not agree, the remaining owners have this long to answer, too. */
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

export interface AgreedAnswer {
  readonly coordinator: string
  readonly object: StoredObject
  readonly received: number
  readonly replicas: readonly ReplicaReport[]
}

/**
 * Calls `done` once, with undefined if the owners in reach do not agree in time. The caller must then check that the
 * placement is still the one of `placed`.
 */
export function readAgreed(
  ports: { clock: Clock },
  parts: StrongReadParts,
  placed: PlacedRequest,
  done: (agreed: AgreedAnswer | undefined) => void,
): void {
  new StrongRead(ports, parts, placed, done).start()
}

class StrongRead {
  readonly #parts: StrongReadParts
  readonly #placed: PlacedRequest
  readonly #read: AgreedRead<Copy>
  readonly #run: ProtocolRun<AgreedReadEffect<Copy>>
  readonly #reports: ReplicaReports
  readonly #done: (agreed: AgreedAnswer | undefined) => void

  constructor(
    ports: { clock: Clock },
    parts: StrongReadParts,
    placed: PlacedRequest,
    done: (agreed: AgreedAnswer | undefined) => void,
  ) {
    this.#parts = parts
    this.#placed = placed
    const { self, reach, latencyMs } = parts
    const groups = groupsOf(placed)
    const near = allOwners(groups).filter((owner) => owner === self || reach.isReachable(owner))
    const inOrder = nearestFirst(near, self, latencyMs)
    // This count is enough in both groups. Members join one at a time, so there is at most one next owner more, and the
    // count still overlaps with every majority of the next owners.
    this.#read = new AgreedRead(groups, majority(placed.owners.length), inOrder)
    this.#run = new ProtocolRun(parts.deadlines, (effect) => this.#perform(effect))
    this.#reports = new ReplicaReports(ports.clock)
    this.#done = done
  }

  start(): void {
    // Peers get the deadline with the ask. A read from this node's own disk has none.
    const leftMs = this.#parts.clock.leftMs(this.#placed.deadlineMs)
    this.#run.after(leftMs, () => this.#read.expire())
    this.#run.go(this.#read.start())
  }

  #perform(effect: AgreedReadEffect<Copy>): void {
    switch (effect.type) {
      case 'ask':
        return effect.owner === this.#parts.self ? this.#readSelf() : this.#ask(effect)
      case 'be-patient':
        return this.#run.after(PATIENCE_MS, () => this.#read.expire())
      case 'agreed':
        this.#run.end()
        return this.#done({
          coordinator: this.#parts.self,
          object: effect.copy.object,
          received: effect.received,
          replicas: this.#reports.list(),
        })
      case 'undecided':
        this.#run.end()
        return this.#done(undefined)
      default:
        return effect satisfies never
    }
  }

  #readSelf(): void {
    const { self, acceptor } = this.#parts
    acceptor.read(this.#placed.at, (state, refusal) => {
      if (state === undefined) this.#fail(self, refusal?.message ?? '')
      else this.#told(self, { ...state, ballot: ballotOf(state.copy.object) })
    })
  }

  #ask({ owner, wantsCopy }: Extract<AgreedReadEffect<Copy>, { type: 'ask' }>): void {
    const { at, deadlineMs, span } = this.#placed
    const request = { ...keyRequest(at), wantsCopy }
    const take = (reply: Reply<RegisterReadAnswer>): void => {
      if (reply.type !== 'ok') {
        this.#reports.setReply(owner, reply)
        this.#run.go(this.#read.failed())
        return
      }
      const accepted = this.#acceptedIn(reply.answer)
      if (accepted === undefined) this.#fail(owner, 'a damaged record')
      else this.#told(owner, accepted)
    }
    this.#parts.peers.ask(owner, REGISTER_READ, request, deadlineMs, take, span)
  }

  #told(owner: string, accepted: Accepted<Copy>): void {
    this.#reports.set(owner, 'ok')
    this.#run.go(this.#read.told(owner, accepted))
  }

  #fail(owner: string, reason: string): void {
    this.#reports.set(owner, 'error', reason)
    this.#run.go(this.#read.failed())
  }

  /** Undefined if the copy is damaged. */
  #acceptedIn(answer: RegisterReadAnswer): Accepted<Copy> | undefined {
    const { isUncontested } = answer
    if (answer.type === 'ballot') return { ballot: answer.ballot, isUncontested, copy: undefined }
    const copy = copyIn(this.#parts.replica, answer.record)
    return copy && { ballot: ballotOf(copy.object), isUncontested, copy }
  }
}
