/**
 * Runs one client's read: carries out what core/replication/read-protocol.ts decides, until it answers or fails. After
 * the answer it repairs owners that are behind (core/replication/late-repair.ts).
 */
import { ABSENT } from '../../core/causality/stored-object.ts'
import { QuorateError } from '../../core/errors.ts'
import { allOwners, type OwnerGroups } from '../../core/quorum/owner-groups.ts'
import type { CopyRules } from '../../core/replication/copy-rules.ts'
import { LateRepair } from '../../core/replication/late-repair.ts'
import {
  ownersOutOfReach,
  type ReadEffect,
  type ReadFailure,
  type ReadPlan,
  ReadProtocol,
} from '../../core/replication/read-protocol.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { asHedge } from '../peers/ask-span.ts'
import { nearestFirst, refusedWords, usableNodes } from '../peers/peer-reach.ts'
import type { Reply } from '../peers/reply.ts'
import { TOO_FEW_HAVE_TOLD } from '../replica/not-ready-reasons.ts'
import { HEDGE_DELAY_MS } from '../round/hedge.ts'
import { groupsOf, type PlacedRequest, ReplicaReports } from '../round/placed-request.ts'
import { ProtocolRun } from '../round/protocol-run.ts'
import { copyIn, foundCopy, type FoundCopy, foundIn } from '../round/received-copies.ts'
import { repairOwner } from '../round/repair-owner.ts'
import {
  type HeldFormat,
  keyRequest,
  READ,
  type RecordAnswer,
  VERSION,
  type VersionAnswer,
} from '../wire/asks/copy-asks.ts'
import { READ_HINTS } from '../wire/asks/hint-asks.ts'
import type { Copy, Version } from '../wire/object-record.ts'
import { answerWith } from './read-answer.ts'
import type { ReadEnd, ReadParts } from './read-parts.ts'

/** The repair after the answer gives up after this time. */
const LATE_TIMEOUT_MS = 2000

export interface ReadRunPorts {
  readonly clock: Clock
  readonly metrics: Metrics
  readonly rules: CopyRules<Copy, Version>
}

type Effect = ReadEffect<Copy>
type Ask = Extract<Effect, { readonly type: 'ask-copy' | 'ask-version' }>
type AskedReply = Reply<RecordAnswer | VersionAnswer>

export class ReadRun {
  readonly #parts: ReadParts
  readonly #ports: ReadRunPorts
  readonly #placed: PlacedRequest
  readonly #end: ReadEnd
  readonly #plan: ReadPlan
  readonly #protocol: ReadProtocol<Copy, Version>
  readonly #run: ProtocolRun<Effect>
  readonly #reports: ReplicaReports
  /** The asks that were sent because others had not answered after a moment. Noted only if the read is traced. */
  #hedges: readonly Effect[] = NO_EFFECTS

  constructor(parts: ReadParts, ports: ReadRunPorts, placed: PlacedRequest, end: ReadEnd) {
    this.#parts = parts
    this.#ports = ports
    this.#placed = placed
    this.#end = end
    this.#plan = planOf(placed, parts)
    this.#protocol = new ReadProtocol(this.#plan, ports.rules)
    this.#run = new ProtocolRun(parts.deadlines, (effect) => this.#perform(effect))
    this.#reports = new ReplicaReports(ports.clock)
  }

  start(): void {
    this.#run.after(this.#leftMs(), () => this.#protocol.expire())
    this.#run.go(this.#protocol.start())
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'ask-copy':
        return this.#ask(effect, READ)
      case 'ask-version':
        return this.#ask(effect, VERSION)
      case 'ask-fallbacks':
        return this.#askFallbacks()
      case 'repair':
        return this.#repair(effect)
      case 'hedge-later':
        return this.#run.after(HEDGE_DELAY_MS, () => this.#hedge())
      case 'half-time-later':
        return this.#run.after(this.#leftMs() / 2, () => this.#protocol.halfTime())
      case 'answer':
        return this.#answer(effect.copy, effect.got)
      case 'fail':
        return this.#fail(effect.reason, effect.got)
      default:
        return effect satisfies never
    }
  }

  #ask(ask: Ask, format: HeldFormat): void {
    const { owner } = ask
    if (owner === this.#parts.self) {
      this.#readSelf()
      return
    }
    const { at, deadlineMs, span } = this.#placed
    const take = (reply: AskedReply): void => this.#replied(owner, reply)
    const parent = span && (this.#hedges.includes(ask) ? asHedge(span) : span)
    this.#parts.peers.ask(owner, format, keyRequest(at), deadlineMs, take, parent)
  }

  #hedge(): readonly Effect[] {
    const asks = this.#protocol.hedge()
    if (this.#placed.span !== undefined) this.#hedges = asks
    return asks
  }

  #replied(owner: string, reply: AskedReply): void {
    const found = foundIn(this.#parts.replica, reply)
    if (found !== undefined) {
      this.#reports.set(owner, 'ok')
      this.#run.go(this.#protocol.found(owner, found))
      return
    }
    if (reply.type === 'ok') this.#reports.set(owner, 'error', 'a damaged record')
    else this.#reports.setReply(owner, reply)
    const isDamaged = reply.type === 'refused' && reply.code === 'record_corrupt'
    this.#run.go(this.#protocol.failed(owner, isDamaged))
  }

  #readSelf(): void {
    const { self, replica, isProven } = this.#parts
    if ((this.#plan.required > 1 || this.#placed.provenOnly === true) && !isProven()) {
      this.#reports.set(self, 'error', TOO_FEW_HAVE_TOLD)
      this.#run.go(this.#protocol.failed(self, false))
      return
    }
    replica.read(this.#placed.at, (copy, refusal) => {
      if (copy !== undefined) {
        this.#reports.set(self, 'ok')
        this.#run.go(this.#protocol.found(self, foundCopy(copy)))
        return
      }
      this.#reports.set(self, 'error', refusal?.message ?? '')
      this.#run.go(this.#protocol.failed(self, refusal?.code === 'record_corrupt'))
    })
  }

  #askFallbacks(): void {
    const { self, peers, hints, reach, replica } = this.#parts
    const { at, fallbacks, deadlineMs, span } = this.#placed
    const holders = fallbacks.filter(reach.isResponsive)
    this.#run.go(this.#protocol.fallbacksAsked(holders.length))
    const take = (holder: string, copy: Copy | undefined): void => {
      if (copy !== undefined) this.#reports.set(holder, 'hinted')
      this.#run.go(this.#protocol.hinted(copy))
    }
    for (const holder of holders) {
      if (holder === self) {
        hints.read(at, (copy) => take(self, copy))
        continue
      }
      const takeReply = (reply: Reply<RecordAnswer>): void => {
        if (reply.type !== 'ok') this.#reports.setReply(holder, reply)
        take(holder, reply.type === 'ok' ? copyIn(replica, reply.answer.record) : undefined)
      }
      peers.ask(holder, READ_HINTS, keyRequest(at), deadlineMs, takeReply, span)
    }
  }

  #repair(repair: Extract<Effect, { type: 'repair' }>): void {
    const { owner, copy } = repair
    const { at, deadlineMs, span } = this.#placed
    repairOwner(this.#parts, this.#ports, at, { ...repair, deadlineMs, span }, (trouble) => {
      if (trouble === undefined) this.#reports.set(owner, 'repaired')
      else this.#reports.set(owner, 'error', trouble)
      this.#run.go(this.#protocol.repaired(owner, trouble === undefined ? copy : undefined))
    })
  }

  #answer(copy: Copy | undefined, got: number): void {
    this.#run.end()
    const { level } = this.#placed
    const { self, clock } = this.#parts
    const quorum = { need: this.#plan.required, got, hinted: this.#protocol.hints }
    const finding = { level, coordinator: self, quorum, replicas: this.#reports.list() }
    this.#end.answered(answerWith(copy?.object ?? ABSENT, clock.nowMs(), finding))
    const { copies, unasked } = this.#protocol
    if (copies.laggards().length > 0 || (unasked.length > 0 && this.#end.mayCompareLate())) {
      this.#repairLate()
    }
  }

  #repairLate(): void {
    const { self, peers, replica, deadlines, clock } = this.#parts
    const { at } = this.#placed
    const deadlineMs = clock.nowMs() + LATE_TIMEOUT_MS
    const late = new LateRepair(self, this.#protocol, this.#ports.rules)
    const ask = (owner: string, format: HeldFormat): void =>
      peers.ask(owner, format, keyRequest(at), deadlineMs, (reply: AskedReply) => {
        const found: FoundCopy | undefined = foundIn(replica, reply)
        run.go(found === undefined ? late.failed(owner) : late.found(owner, found))
      })
    const run = new ProtocolRun<ReturnType<typeof late.start>[number]>(deadlines, (effect) => {
      if (effect.type === 'ask-copy') ask(effect.owner, READ)
      else if (effect.type === 'ask-version') ask(effect.owner, VERSION)
      else {
        const { owner, copy } = effect
        repairOwner(this.#parts, this.#ports, at, { ...effect, deadlineMs }, (trouble) =>
          late.repaired(owner, trouble === undefined ? copy : undefined),
        )
      }
    })
    run.go(late.start())
  }

  #fail(reason: ReadFailure, got: number): void {
    this.#run.end()
    for (const owner of ownersOutOfReach(this.#plan)) {
      this.#reports.setUnasked(owner, this.#parts.clock)
    }
    const code = CODES[reason]
    this.#end.failed(
      new QuorateError(code, this.#messageOf(reason, got), {
        required: this.#plan.required,
        received: got,
        replicas: this.#reports.list(),
        retryAfterSeconds: 1,
      }),
    )
  }

  #messageOf(reason: ReadFailure, got: number): string {
    const { groups, required } = this.#plan
    const answered = `${got} of ${required} needed owners answered`
    switch (reason) {
      case 'out-of-reach': {
        const among = groups.map((owners) => owners.join(', ')).join(' and of ')
        const words = refusedWords(allOwners(groups), this.#parts.clock)
        return `the read needs ${required} of ${among}${words}`
      }
      case 'too-few':
        return answered
      case 'differ':
        return 'the owners differ and could not be brought up to date'
      case 'late':
        return `${answered} within ${this.#placed.timeoutMs} ms`
      default:
        return reason satisfies never
    }
  }

  #leftMs(): number {
    return this.#parts.clock.leftMs(this.#placed.deadlineMs)
  }
}

const NO_EFFECTS: readonly Effect[] = []

const CODES = {
  'out-of-reach': 'quorum_unreachable',
  'too-few': 'quorum_unreachable',
  differ: 'deadline_passed',
  late: 'deadline_passed',
} as const

/** The groups of owners in each of which the read needs R answers. */
export function groupsOfRead(placed: PlacedRequest): OwnerGroups {
  const { need, level } = placed
  // With N=1, a quorum is the single owner. After a move, a later read must not return an older value than this one.
  const isLasting = level === 'quorum' || level === 'all'
  return need.r > 1 || isLasting ? groupsOf(placed) : [placed.owners]
}

function planOf(placed: PlacedRequest, { self, reach, latencyMs }: ReadParts): ReadPlan {
  const { need } = placed
  const groups = groupsOfRead(placed)
  const owners = allOwners(groups)
  const near = usableNodes(owners, reach, need.sloppy)
  // Owners that have been silent for a moment are asked too, but last. They may be only slow, and a fallback cannot
  // tell that a key is absent: it knows only its hints.
  const silent = owners.filter((owner) => !near.includes(owner) && reach.isReachable(owner))
  return {
    groups,
    required: need.r,
    sloppy: need.sloppy,
    near: nearestFirst(near, self, latencyMs),
    silent: nearestFirst(silent, self, latencyMs),
  }
}
