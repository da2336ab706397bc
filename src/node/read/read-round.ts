/**
 * Runs one client's read: asks the owners, counts their answers, fetches missing copies, repairs laggards if the level
 * needs it, and answers or fails once.
 *
 * Invariant: at a level that waits for R > 1 owners, R owners hold the answer durably when it is given. A later quorum
 * read meets one of them, so it cannot return an older value.
 *
 * If the owners differ and the laggards cannot be repaired, for example because their disks are full, the read answers
 * with a copy that R owners hold, as if it had asked only those. This may leave out a write that no majority has stored.
 * Such a write is not completed, so the read may precede it.
 */
import { ABSENT, type StoredObject } from '../../core/causality/stored-object.ts'
import { QuorateError } from '../../core/errors.ts'
import {
  allOwners,
  everyGroup,
  leastCount,
  type OwnerGroups,
} from '../../core/quorum/owner-groups.ts'
import type { Clock } from '../../ports/clock.ts'
import { TOO_FEW_HAVE_TOLD } from '../replica/not-ready-reasons.ts'
import type { Deadline } from '../peers/deadlines.ts'
import { type HeldFormat, keyRequest, READ, VERSION } from '../wire/asks/copy-asks.ts'
import { READ_HINTS } from '../wire/asks/hint-asks.ts'
import { ABSENT_COPY, type Copy, encodeVersion } from '../wire/object-record.ts'
import { copyIn, foundIn, OwnerCopies } from '../round/owner-copies.ts'
import { answerWith } from './read-answer.ts'
import { refusedWords, usableNodes } from '../peers/peer-reach.ts'
import type { ReadEnd, ReadParts } from './read-parts.ts'
import { compareLate, repairOwner, type RepairPorts } from './read-repair.ts'
import { mergeCopies, modeOf } from '../replica/replica.ts'
import { groupsOf, type PlacedRequest, ReplicaReports } from '../round/placed-request.ts'

/** After this long without an answer, the owners not yet asked are asked too. */
const HEDGE_DELAY_MS = 75

export class ReadRound {
  readonly #parts: ReadParts
  readonly #ports: RepairPorts
  readonly #placed: PlacedRequest
  readonly #end: ReadEnd
  readonly #reports: ReplicaReports
  readonly #copies: OwnerCopies
  readonly #required: number
  /** The read needs R answers in each group. Future owners alone never suffice, because their copies are incomplete. */
  readonly #groups: OwnerGroups
  /** The owners, in the order in which they are asked. */
  #candidates: readonly string[] = []
  /** The last of the candidates, for a sloppy level: owners that have been silent for a moment. */
  #silent: readonly string[] = []
  /** Number of candidates that have been asked. */
  #asked = 0
  readonly #lost = new Set<string>()
  /** Number of fallbacks whose answers count. */
  #hinted = 0
  /** Number of fallbacks that hold no hint for the key. This says little about a key whose owners are only slow. */
  #emptyHanded = 0
  #fallbacks: 'unasked' | 'waiting' | 'done' = 'unasked'
  /** A fetch or a repair is in progress. Nothing else starts until it ends. */
  #busy = false
  #settled = false
  readonly #waits: Deadline[] = []

  constructor(
    parts: ReadParts,
    ports: RepairPorts & { clock: Clock },
    placed: PlacedRequest,
    end: ReadEnd,
  ) {
    this.#parts = parts
    this.#ports = ports
    this.#placed = placed
    this.#end = end
    this.#reports = new ReplicaReports(ports.clock)
    this.#copies = new OwnerCopies(ports.codec, modeOf(placed.at.bucket))
    this.#required = placed.need.r
    // With N=1, a quorum is the single owner. After a move, a later read must not return an older value than this one.
    const isLasting = placed.level === 'quorum' || placed.level === 'all'
    this.#groups = placed.need.r > 1 || isLasting ? groupsOf(placed) : [placed.owners]
  }

  start(): void {
    const { reach } = this.#parts
    const { need } = this.#placed
    const owners = allOwners(this.#groups)
    const near = usableNodes(owners, reach, need.sloppy)
    // Owners that have been silent for a moment are asked too, but last. They may be only slow, and a fallback cannot
    // tell that a key is absent: it knows only its hints.
    this.#silent = owners.filter((owner) => !near.includes(owner) && reach.isReachable(owner))
    this.#candidates = [...this.#fastestFirst(near), ...this.#fastestFirst(this.#silent)]
    const enough = everyGroup(this.#groups, this.#required, (owner) => near.includes(owner))
    if (!enough && !need.sloppy) {
      const among = this.#groups.map((owners) => owners.join(', ')).join(' and of ')
      const words = refusedWords(owners, this.#parts.clock)
      this.#fail('quorum_unreachable', `the read needs ${this.#required} of ${among}${words}`)
      return
    }
    const leftMs = Math.max(0, this.#placed.deadlineMs - this.#parts.clock.nowMs())
    this.#wait(leftMs, () => this.#expire())
    if (!enough) this.#askFallbacks()
    // While the key moves, the fastest owners may not include R owners of each group. So all of them are asked.
    const mayWait = enough && this.#groups.length === 1
    this.#askMore(mayWait ? this.#required : this.#candidates.length)
    if (this.#settled) return
    if (this.#asked < this.#candidates.length) {
      this.#wait(HEDGE_DELAY_MS, () => this.#askMore(this.#candidates.length))
    }
    // The owners may be cut off without this node having noticed. So a sloppy read asks the fallbacks at half time.
    if (need.sloppy && enough) {
      this.#wait(leftMs / 2, () => {
        if (this.#counted() < this.#required) this.#askFallbacks()
      })
    }
  }

  /** Puts this node first, because it costs no message. The others follow by their measured round-trip time. */
  #fastestFirst(owners: readonly string[]): readonly string[] {
    const { self, latencyMs } = this.#parts
    const cost = (node: string): number => (node === self ? -1 : latencyMs(node))
    return owners.length < 2 ? owners : [...owners].sort((a, b) => cost(a) - cost(b))
  }

  #askMore(upTo: number): void {
    while (this.#asked < Math.min(upTo, this.#candidates.length) && !this.#settled) {
      const owner = this.#candidates[this.#asked++] as string
      // The first owner is asked for its full copy. Once an owner has failed, the next ones are asked for theirs too.
      if (owner === this.#parts.self) this.#readSelf()
      else this.#ask(owner, this.#asked === 1 || this.#lost.size > 0 ? READ : VERSION)
    }
  }

  #readSelf(): void {
    const { self, replica, isProven } = this.#parts
    if ((this.#required > 1 || this.#placed.provenOnly === true) && !isProven()) {
      this.#reports.set(self, 'error', TOO_FEW_HAVE_TOLD)
      this.#loseOne(self)
      return
    }
    replica.read(this.#placed.at, (copy, refusal) => {
      if (copy !== undefined) {
        this.#reports.set(self, 'ok')
        this.#copies.take(self, { version: encodeVersion(copy.object), copy })
        this.#advance()
        return
      }
      if (refusal?.code === 'record_corrupt') this.#copies.markCorrupt(self)
      this.#reports.set(self, 'error', refusal?.message ?? '')
      this.#loseOne(self)
    })
  }

  #ask(owner: string, format: HeldFormat): void {
    const { at, deadlineMs } = this.#placed
    this.#parts.peers.ask(owner, format, keyRequest(at), deadlineMs, (reply) => {
      const found = foundIn(this.#parts.replica, reply)
      if (found !== undefined) {
        this.#reports.set(owner, 'ok')
        this.#copies.take(owner, found)
        this.#advance()
        return
      }
      if (reply.type === 'refused' && reply.code === 'record_corrupt')
        this.#copies.markCorrupt(owner)
      if (reply.type === 'ok') this.#reports.set(owner, 'error', 'a damaged record')
      else this.#reports.setReply(owner, reply)
      this.#loseOne(owner)
    })
  }

  #loseOne(owner: string): void {
    this.#lost.add(owner)
    this.#askMore(this.#asked + 1)
    this.#advance()
  }

  /** Asks the fallbacks for their hints. At a sloppy level these count like copies of owners. */
  #askFallbacks(): void {
    if (this.#fallbacks !== 'unasked') return
    const { self, peers, hints, reach, replica } = this.#parts
    const { at, fallbacks, deadlineMs } = this.#placed
    const holders = fallbacks.filter(reach.isResponsive)
    this.#fallbacks = holders.length === 0 ? 'done' : 'waiting'
    let waiting = holders.length
    let kept = ABSENT_COPY
    const take = (holder: string, copy: Copy | undefined): void => {
      if (copy !== undefined) {
        if (copy.record.length > 0) this.#hinted++
        else this.#emptyHanded++
        this.#reports.set(holder, 'hinted')
        kept = mergeCopies(this.#ports.codec, modeOf(at.bucket), kept, copy)
      }
      // Wait for all fallbacks, because each one keeps only the writes for which it stood in.
      if (--waiting > 0 || this.#settled) return
      this.#fallbacks = 'done'
      this.#copies.merge(kept)
      this.#advance()
    }
    for (const holder of holders) {
      if (holder === self) {
        hints.read(at, (copy) => take(self, copy))
      } else {
        peers.ask(holder, READ_HINTS, keyRequest(at), deadlineMs, (reply) => {
          if (reply.type !== 'ok') this.#reports.setReply(holder, reply)
          take(holder, reply.type === 'ok' ? copyIn(replica, reply.answer.record) : undefined)
        })
      }
    }
    if (holders.length === 0) this.#advance()
  }

  /** Takes the next step once enough nodes have answered: fetches missing copies, repairs laggards, or answers. */
  #advance(): void {
    if (this.#settled || this.#busy) return
    if (this.#counted() < this.#required) {
      if (this.#fallbacks === 'waiting') return
      const open = this.#candidates.filter((owner) => !this.#hasEnded(owner))
      const isNearOver = open.every((owner) => this.#silent.includes(owner))
      if (isNearOver && this.#placed.need.sloppy && this.#fallbacks === 'unasked') {
        this.#askFallbacks()
        return
      }
      // Once an owner has answered, the read does not wait for the silent ones.
      if (open.length === 0 || (isNearOver && this.#counted() > 0)) this.#countEmptyHanded()
      if (this.#got() < this.#required) {
        if (open.length === 0) this.#giveUp()
        return
      }
    }
    const lacking = this.#copies.lacking()
    if (lacking.length > 0) this.#fetch(lacking)
    else if (this.#isRepairedFirst()) this.#repairThenAnswer()
    else this.#answer()
  }

  #isRepairedFirst(): boolean {
    const isOfMany = this.#required > 1 || this.#groups.length > 1
    return isOfMany && !this.#placed.need.sloppy
  }

  /** Number of owners that have answered, in the group with the fewest. */
  #counted(): number {
    return leastCount(this.#groups, (owner) => this.#copies.has(owner))
  }

  #got(): number {
    return this.#counted() + this.#hinted
  }

  #isEnough(holders: ReadonlySet<string>): boolean {
    return everyGroup(this.#groups, this.#required, (owner) => holders.has(owner))
  }

  /** A fallback without a hint counts as an answer only once the read does not wait for any owner. */
  #countEmptyHanded(): void {
    this.#hinted += this.#emptyHanded
    this.#emptyHanded = 0
  }

  #hasEnded(owner: string): boolean {
    return this.#copies.has(owner) || this.#lost.has(owner)
  }

  #fetch(owners: readonly string[]): void {
    this.#busy = true
    let waiting = owners.length
    const { at, deadlineMs } = this.#placed
    for (const owner of owners) {
      this.#parts.peers.ask(owner, READ, keyRequest(at), deadlineMs, (reply) => {
        const found = foundIn(this.#parts.replica, reply)
        if (found !== undefined) {
          this.#copies.take(owner, found)
        } else {
          this.#copies.lose(owner)
          this.#lost.add(owner)
          this.#askMore(this.#asked + 1)
        }
        if (--waiting > 0) return
        this.#busy = false
        this.#advance()
      })
    }
  }

  /** Makes R owners hold the merged copy, then answers. */
  #repairThenAnswer(): void {
    const copy = this.#copies.merged as Copy
    const laggards = this.#copies.laggards()
    if (this.#isEnough(this.#copies.holders())) {
      this.#answer()
      return
    }
    this.#busy = true
    let waiting = laggards.length
    const unrepaired: string[] = []
    const { deadlineMs } = this.#placed
    for (const owner of laggards) {
      const repair = { placed: this.#placed, copies: this.#copies, owner, copy, deadlineMs }
      repairOwner(this.#parts, this.#ports, repair, (trouble) => {
        waiting--
        if (trouble === undefined) this.#reports.set(owner, 'repaired')
        else {
          this.#reports.set(owner, 'error', trouble)
          unrepaired.push(owner)
        }
        if (this.#settled) return
        if (this.#isEnough(this.#copies.holders())) this.#answer()
        else if (waiting === 0) this.#goOnWithout(unrepaired)
      })
    }
  }

  /** Continues after failed repairs, for example because of full disks: further owners may hold the merged copy. */
  #goOnWithout(unrepaired: readonly string[]): void {
    for (const owner of unrepaired) {
      this.#copies.markUnrepaired(owner)
      this.#lost.add(owner)
    }
    if (this.#candidates.every((owner) => this.#hasEnded(owner))) {
      if (!this.#answerHeldByEnough())
        this.#fail('deadline_passed', 'the owners differ and could not be brought up to date')
      return
    }
    this.#busy = false
    this.#askMore(this.#asked + unrepaired.length)
    this.#advance()
  }

  /** Answers the read with a copy that R owners hold. Returns false if there is none. */
  #answerHeldByEnough(): boolean {
    if (!this.#isRepairedFirst()) return false
    const held = this.#copies.heldByEnough((owners) => this.#isEnough(owners))
    if (held === undefined) return false
    const got = leastCount(this.#groups, (owner) => held.owners.has(owner))
    this.#answerWith(held.copy.object, got)
    return true
  }

  #answer(): void {
    this.#answerWith(this.#copies.merged?.object ?? ABSENT, this.#got())
  }

  #answerWith(object: StoredObject, got: number): void {
    this.#settle()
    const { clock, self } = this.#parts
    const quorum = { need: this.#required, got, hinted: this.#hinted }
    const round = { level: this.#placed.level, coordinator: self, quorum }
    const replicas = this.#reports.list()
    this.#end.answered(answerWith(object, clock.nowMs(), { ...round, replicas }))
    // Leave out silent owners, because waiting for them would delay the repair of the others.
    const unasked = this.#candidates
      .slice(this.#asked)
      .filter((owner) => !this.#silent.includes(owner))
    const differ = this.#copies.laggards().length > 0
    if (differ || (unasked.length > 0 && this.#end.mayCompareLate())) {
      compareLate(this.#parts, this.#ports, this.#placed, this.#copies, unasked)
    }
  }

  #giveUp(): void {
    const got = this.#got()
    this.#fail('quorum_unreachable', `${got} of ${this.#required} needed owners answered`)
  }

  #expire(): void {
    if (this.#settled) return
    if (this.#placed.need.sloppy && this.#fallbacks === 'done' && !this.#busy) {
      this.#countEmptyHanded()
      this.#advance()
      if (this.#settled || this.#busy) return
    }
    if (this.#answerHeldByEnough()) return
    const got = this.#got()
    const within = `within ${this.#placed.timeoutMs} ms`
    this.#fail('deadline_passed', `${got} of ${this.#required} needed owners answered ${within}`)
  }

  #fail(code: 'quorum_unreachable' | 'deadline_passed', message: string): void {
    this.#settle()
    for (const owner of allOwners(this.#groups)) {
      if (!this.#candidates.includes(owner)) this.#reports.setUnasked(owner, this.#parts.clock)
    }
    this.#end.failed(
      new QuorateError(code, message, {
        required: this.#required,
        received: this.#got(),
        replicas: this.#reports.list(),
        retryAfterSeconds: 1,
      }),
    )
  }

  #wait(delayMs: number, task: () => void): void {
    this.#waits.push(this.#parts.deadlines.in(delayMs, task))
  }

  #settle(): void {
    this.#settled = true
    for (const wait of this.#waits) this.#parts.deadlines.cancel(wait)
  }
}
