/**
 * One round of a write: one copy sent to all owners of a key (and, where a level is sloppy, to those that
 * stand in for owners out of reach), and the count of who has it durably.
 *
 * It settles once: *met*, or *unmet* with an outcome. Replies that come later still count for one thing: an
 * owner that missed the copy gets a hint, unless the round was rejected, for then nothing may be left of it.
 */
import { JointTally, type WriteAsk } from '../../core/quorum/joint-tally.ts'
import type { Encodable } from '../../ports/codec.ts'
import type { HintStore } from '../hints/hint-store.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Copy } from '../wire/object-record.ts'
import { decodeDots } from '../wire/object-record.ts'
import type { Dot } from '../../core/causality/dot.ts'
import type { Peers, Reply } from '../peers/peers.ts'
import type { Refusal } from '../wire/messages.ts'
import { groupsOf, type PlacedRequest, type ReplicaReports } from '../round/placed-request.ts'
import type { WholeOwners } from './whole-owners.ts'

/** Stores the copy on this node's own disk, as an owner or one to come. */
export type StoreLocally = (done: (refusal: Refusal | undefined) => void) => void

export interface RoundTargets {
  /** Undefined where this node is not an owner, and will not be. */
  readonly storeLocally: StoreLocally | undefined
  /** Owners, and those to come, other than this node that are thought to be in reach. */
  readonly owners: readonly string[]
  /** Owners out of reach with the node that keeps the copy for them; this node itself where no other is left. */
  readonly standIns: readonly StandIn[]
  /** Owners out of reach that nobody stands in for: they get a hint, which does not count. */
  readonly missed: readonly string[]
}

export interface StandIn {
  readonly owner: string
  readonly holder: string
}

/** What the owners said of what they held before, as far as they have answered. */
export interface RoundFindings {
  existed: boolean
  readonly uncovered: Dot[]
  newest: number
}

export type Settled = 'met' | 'rejected' | 'unknown'

export class WriteRound {
  readonly findings: RoundFindings = { existed: false, uncovered: [], newest: 0 }
  readonly tally: JointTally
  readonly #self: string
  readonly #peers: Peers
  readonly #hints: HintStore
  readonly #clock: NodeClock
  readonly #request: PlacedRequest
  readonly #copy: Copy
  readonly #reports: ReplicaReports
  readonly #done: (settled: Settled) => void
  readonly #over: () => void
  /** Asks that have not ended. */
  #open: number
  #settled: Settled | undefined
  /** This node's own disk, where it is an owner: no write counts without it. */
  #own: 'none' | 'pending' | 'stored' | 'failed' = 'none'
  readonly wholeNeed: number
  /** Owners that have told all that they held before; this node, where it has, before its own disk has answered. */
  readonly #whole = new Set<string>()
  /** Owners that hold the copy, and said that they may have lost what they held before. */
  readonly notWhole: string[] = []
  /** Owners that missed the copy before the round was settled. */
  #missed: string[] = []

  constructor(
    parts: { self: string; peers: Peers; hints: HintStore; clock: NodeClock },
    request: PlacedRequest,
    targets: RoundTargets,
    copy: Copy,
    whole: WholeOwners,
    reports: ReplicaReports,
    ends: {
      readonly settled: (outcome: Settled) => void
      /** Every ask has ended, and who missed the copy has a hint: nothing of this round goes on. */
      readonly over: () => void
    },
  ) {
    this.#self = parts.self
    this.#peers = parts.peers
    this.#hints = parts.hints
    this.#clock = parts.clock
    this.#request = request
    this.#copy = copy
    this.#reports = reports
    this.wholeNeed = whole.need
    if (whole.isSelf) this.#whole.add(parts.self)
    this.#done = ends.settled
    this.#over = ends.over
    const asked: WriteAsk[] = [
      ...targets.owners.map(asOwner),
      ...targets.standIns.map(({ holder, owner }) => ({ node: holder, owner })),
    ]
    if (targets.storeLocally !== undefined) {
      asked.push(asOwner(parts.self))
      // Where it is only to become an owner, its copy is one of many.
      if (request.owners.includes(parts.self)) this.#own = 'pending'
    }
    this.#open = asked.length
    // `weak` answers before anything is stored, but its write goes on as one of `eventual`.
    const need = Math.max(request.need.w, 1)
    const groups = groupsOf(request)
    this.tally = new JointTally({ groups, need, asked, sloppy: request.need.sloppy })
  }

  start(targets: RoundTargets, flags: number): void {
    const { storeLocally } = targets
    const { at, deadlineMs } = this.#request
    const body = [at.bucket.name, at.key, this.#copy.record, flags]
    for (const owner of targets.owners) {
      this.#peers.ask(owner, 'apply', body, deadlineMs, (reply) => this.#ownerReplied(owner, reply))
    }
    storeLocally?.((refusal) => {
      if (this.#own === 'pending') this.#own = refusal === undefined ? 'stored' : 'failed'
      if (refusal !== undefined) this.#reports.set(this.#self, 'error', refusal.message)
      this.#count(asOwner(this.#self), refusal === undefined ? 'stored' : kindOf(refusal))
    })
    for (const standIn of targets.standIns) this.#askStandIn(standIn)
    for (const owner of targets.missed) {
      this.#reports.setUnasked(owner, this.#clock)
      this.#miss(owner)
    }
  }

  /** The deadline: settles with what is known, unless it is settled. */
  expire(): void {
    if (this.#settled !== undefined) return
    this.#settle(this.tally.outcome())
    this.#endIfOver()
  }

  #ownerReplied(owner: string, reply: Reply): void {
    if (reply.type === 'ok' && this.#learns(owner, reply.body)) {
      this.#count(asOwner(owner), 'stored')
      return
    }
    // An answer that cannot be understood is none.
    if (reply.type === 'ok') reply = { type: 'lost', reason: 'deadline' }
    this.#reports.setReply(owner, reply)
    this.#miss(owner)
    this.#count(
      asOwner(owner),
      reply.type === 'lost' ? 'lost' : reply.type === 'unsent' ? 'refused' : kindOf(reply),
    )
  }

  #askStandIn({ owner, holder }: StandIn): void {
    const { at, deadlineMs } = this.#request
    const ask = { node: holder, owner }
    this.#reports.setUnasked(owner, this.#clock)
    if (holder === this.#self) {
      this.#hints.keep(owner, at, this.#copy, (refusal) => {
        this.#count(
          ask,
          refusal === undefined ? 'hinted' : refusal === 'dropped' ? 'refused' : kindOf(refusal),
        )
      })
      return
    }
    const body = [owner, at.bucket.name, at.key, this.#copy.record]
    this.#peers.ask(holder, 'hint', body, deadlineMs, (reply) => {
      if (reply.type === 'ok') {
        this.#count(ask, 'hinted')
        return
      }
      this.#reports.setReply(holder, reply)
      this.#miss(owner)
      this.#count(
        ask,
        reply.type === 'lost' ? 'lost' : reply.type === 'unsent' ? 'refused' : kindOf(reply),
      )
    })
  }

  /** False where the answer is garbage. */
  #learns(owner: string, [existed, uncovered, newest, isWhole]: readonly Encodable[]): boolean {
    if (!Array.isArray(uncovered) || !Number.isSafeInteger(newest)) return false
    try {
      this.findings.uncovered.push(...decodeDots(uncovered as Encodable))
    } catch {
      return false
    }
    if (existed === true) this.findings.existed = true
    this.findings.newest = Math.max(this.findings.newest, newest as number)
    // A node of the release before does not say.
    if (isWhole === false) this.notWhole.push(owner)
    else this.#whole.add(owner)
    return true
  }

  #count(ask: WriteAsk, kind: 'stored' | 'hinted' | 'refused' | 'lost'): void {
    if (kind === 'stored') this.#reports.set(ask.node, 'ok')
    if (kind === 'hinted') this.#reports.set(ask.node, 'hinted')
    this.tally.record(ask, kind)
    this.#open--
    if (this.#settled === undefined) this.#judge()
    this.#endIfOver()
  }

  #judge(): void {
    const state = this.tally.state()
    if (state === 'unmet' || this.#own === 'failed') this.#settle(this.tally.outcome())
    else if (state === 'met' && this.#own !== 'pending') {
      if (!this.lacksWhole) this.#settle('met')
      else if (this.#open === 0) this.#settle('unknown')
    }
  }

  /** Owners now in force that have told all that they held before. */
  get whole(): readonly string[] {
    return this.#request.owners.filter((owner) => this.#whole.has(owner))
  }

  /**
   * Whether all that the round lacks is the word of owners whose copies are whole: it is stored at as many as it needs,
   * but may leave standing what it replaces.
   */
  get lacksWhole(): boolean {
    if (this.wholeNeed === 0 || this.tally.state() !== 'met') return false
    if (this.#own === 'pending' || this.#own === 'failed') return false
    // While the key moves, the present owners hold all that was ever acknowledged.
    return this.whole.length < this.wholeNeed
  }

  #settle(settled: Settled): void {
    this.#settled = settled
    for (const owner of this.#missed.splice(0)) this.#miss(owner)
    this.#done(settled)
  }

  #endIfOver(): void {
    if (this.#open === 0 && this.#settled !== undefined) this.#over()
  }

  /** Keeps a hint for an owner that does not have the copy, once it is sure that the write is not rejected. */
  #miss(owner: string): void {
    if (this.#settled === undefined) this.#missed.push(owner)
    else if (this.#settled !== 'rejected') {
      this.#hints.keep(owner, this.#request.at, this.#copy, () => undefined)
    }
  }
}

function asOwner(node: string): WriteAsk {
  return { node, owner: node }
}

/** `failed` is the one refusal after which the copy may be there all the same. */
function kindOf(refusal: { readonly code: string }): 'refused' | 'lost' {
  return refusal.code === 'failed' ? 'lost' : 'refused'
}
