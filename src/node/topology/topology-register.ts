/**
 * Decides changes of the topology document by consensus. A majority of the voters named in document E decides document
 * E+1, in a Paxos instance of its own (core/consensus). So each epoch has one document, and every document may change
 * the voters. Without a majority of the voters nothing changes, but data requests continue.
 *
 * The node that changes the document need not be a voter. A value that it finds accepted in an instance may be decided
 * already: it completes that value first, whoever proposed it, and computes its own change from there.
 *
 * A node that was cut off may know an old document. So no change is refused because of a document before a majority of
 * the voters has shown that no newer one is decided.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import type { AcceptorReply } from '../../core/consensus/acceptor.ts'
import type { Ballot } from '../../core/consensus/ballot.ts'
import {
  type ChangeFunction,
  Proposer,
  type ProposerMessage,
  type ProposerResult,
} from '../../core/consensus/proposer.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Topology } from '../../core/placement/topology.ts'
import { majority } from '../../core/quorum/level.ts'
import type { Random } from '../../ports/random.ts'
import type { Timers } from '../../ports/timers.ts'
import { mintTimestamps } from '../identity/mint.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Peers } from '../peers/peers.ts'
import { type ReplyTakers, runProposer } from '../peers/run-proposer.ts'
import type { TopologyAcceptor, TopologyQuestion } from './topology-acceptor.ts'
import { type Document, encodeTopology, parseTopology } from './topology-document.ts'
import type { TopologyKeeper } from './topology-keeper.ts'
import { whyNoChange } from '../wire/wire-version.ts'
import { effectOfRefusal } from '../wire/effect.ts'
import { ACCEPT, DECIDED, PREPARE } from '../wire/asks/topology-asks.ts'

const ATTEMPTS_MAX = 20
const BACKOFF_MS_MAX = 100
const ANNOUNCE_TIMEOUT_MS = 500
/** An attempt that has failed waits this long for the rest of its answers. */
const HEAR_OUT_MS = 100

export interface TopologyRegisterParts {
  readonly self: string
  readonly acceptor: TopologyAcceptor
  readonly keeper: TopologyKeeper
  readonly peers: Peers
  readonly clock: NodeClock
}

/** One attempt in one instance. */
interface Attempt {
  readonly instance: number
  readonly ballot: Ballot
  readonly deadlineMs: number
  /** Voters that have promised, accepted, or told of a higher ballot. */
  readonly answered: Set<string>
  /** Voters that could not vote → why. */
  readonly refusals: Map<string, string>
  /** Voters that may know the decided document of the instance. */
  readonly ahead: Set<string>
  /** The questions to voters. Each resolves with its answer, or when no answer can come any more. */
  readonly asked: Promise<void>[]
}

type Result = ProposerResult<Document, undefined>
/** A majority of the voters has accepted nothing after the present document, so no newer one was decided before. */
class IsNewest extends Error {}

/** How one question to a voter ended. */
type Told = AcceptorReply<Document> | 'unsent' | 'lost'

export class TopologyRegister {
  readonly #parts: TopologyRegisterParts
  readonly #timers: Timers
  readonly #random: Random

  constructor(ports: { timers: Timers; random: Random }, parts: TopologyRegisterParts) {
    this.#parts = parts
    this.#timers = ports.timers
    this.#random = ports.random
  }

  /** What `judge` returns for this node's document. If it throws for that, it is asked about the newest document. */
  async judged<T>(judge: (current: Topology) => T, timeoutMs: number): Promise<T> {
    const found: T[] = []
    await this.change((current) => void found.push(judge(current)), timeoutMs)
    return found[0] as T
  }

  /**
   * Decides a change of the document and announces it. `change` returns undefined to leave the document as it is, and
   * throws a `QuorateError` to refuse. It may be called several times, and must do the same for the same document.
   */
  async change(
    change: (current: Topology) => Topology | undefined,
    timeoutMs: number,
  ): Promise<Topology> {
    const doubt = new Doubt()
    try {
      return await this.#change(change, this.#parts.clock.nowMs() + timeoutMs, doubt)
    } catch (error) {
      if (!doubt.isOpen) throw error
      // A voter may have accepted the change, and another node may complete it later.
      const message = 'the change of the topology may or may not have been decided'
      throw new QuorateError('outcome_unknown', message, {}, { cause: error })
    }
  }

  async #change(
    change: (current: Topology) => Topology | undefined,
    deadlineMs: number,
    doubt: Doubt,
  ): Promise<Topology> {
    const { keeper, peers, clock, self } = this.#parts
    let failed: QuorateError | undefined
    for (let attempt = 1; ; attempt++) {
      const current = keeper.topology
      if (doubt.settle(current)) return current
      // Trying again is safe: if the change was decided after all, `change` finds it in the document.
      const next = nextOf(change, current)
      if (next === undefined) return current
      const refusal = next instanceof QuorateError ? next : undefined
      const reason = whyNoChange(self, current, (id) => peers.versionOf(id))
      if (reason !== undefined) {
        throw refusal ?? new QuorateError('quorum_unreachable', reason, { retryAfterSeconds: 1 })
      }
      const isLate = attempt > 1 && clock.nowMs() >= deadlineMs
      if (failed !== undefined && (isLate || attempt > ATTEMPTS_MAX)) throw failed
      const instance = current.epoch + 1
      const document = next instanceof QuorateError ? undefined : encodeTopology(next)
      const [counter] = (await mintTimestamps(clock, 1)) as [Timestamp]
      const tried = attemptOf(instance, { counter, node: self }, deadlineMs)
      const result = await this.#attempt(current, document, tried).catch((error: unknown) => {
        throw error instanceof IsNewest && refusal !== undefined ? refusal : error
      })
      if (result.type === 'decided') {
        const decided = result.value as Document
        // The decision holds from now on, even if this node cannot store it.
        if (decided === document) doubt.add(instance, document)
        else doubt.settle(parseTopology(decided))
        await this.#announce(current, decided)
        if (decided === document) return keeper.topology
        failed = contended()
        continue
      }
      // Without an own document, only that of another node may be in doubt.
      if (result.outcome === 'unknown' && document !== undefined) doubt.add(instance, document)
      if (keeper.epoch < instance) await this.#catchUp(tried)
      if (result.type === 'unreachable') await this.#hearOut(tried)
      failed = failureOf(result, current.voters, tried)
      if (keeper.epoch >= instance) continue
      if (result.type === 'unreachable') throw failed
      await this.#after(1 + this.#random.below(Math.min(BACKOFF_MS_MAX, 2 ** attempt)))
    }
  }

  /**
   * Proposes the document in one instance. If a voter has accepted another document already, this completes that one,
   * because it may be decided. Without a document to propose, it rejects with `IsNewest` if it finds nothing to complete.
   */
  #attempt(current: Topology, document: Document | undefined, tried: Attempt): Promise<Result> {
    const change: ChangeFunction<Document, undefined> = (found) => {
      if (found !== null && found !== document) return { changed: false, result: undefined }
      if (document === undefined) throw new IsNewest()
      return { changed: true, value: document, result: undefined }
    }
    const { ballot } = tried
    const proposer = new Proposer<Document, undefined>({
      groups: [current.voters],
      ballot,
      change,
    })
    const ask = (
      to: string,
      message: ProposerMessage<Document>,
      takers: ReplyTakers<Document>,
    ): void => {
      const { instance } = tried
      const question: TopologyQuestion =
        message.type === 'accept'
          ? { kind: 'accept', instance, ballot, document: message.value as Document }
          : { kind: 'prepare', instance, ballot }
      const isSelf = to === this.#parts.self
      const asked = isSelf ? this.#askSelf(question, tried) : this.#ask(to, question, tried)
      tried.asked.push(asked.then((told) => passOn(told, takers)))
    }
    return runProposer(proposer, ask, (delayMs, task) => this.#timers.after(delayMs, task))
  }

  /** Resolves with the reply. Otherwise `unsent` says that this voter did nothing, and `lost` that it may have. */
  async #askSelf(question: TopologyQuestion, tried: Attempt): Promise<Told> {
    const { acceptor, self } = this.#parts
    const reply = await acceptor.ask(question).catch(() => undefined)
    if (reply === undefined) return 'lost'
    if ('code' in reply) {
      tried.refusals.set(self, reply.message)
      return effectOfRefusal(reply) === 'unknown' ? 'lost' : 'unsent'
    }
    tried.answered.add(self)
    return reply
  }

  async #ask(to: string, question: TopologyQuestion, tried: Attempt): Promise<Told> {
    const { peers } = this.#parts
    const reply =
      question.kind === 'accept'
        ? await peers.request(to, ACCEPT, question, tried.deadlineMs)
        : await peers.request(to, PREPARE, question, tried.deadlineMs)
    if (reply.type === 'refused') {
      const { code, message } = reply
      tried.refusals.set(to, message)
      if (code === 'stale_epoch' || code === 'failed') tried.ahead.add(to)
      return effectOfRefusal(reply) === 'unknown' ? 'lost' : 'unsent'
    }
    if (reply.type !== 'ok') return reply.type
    tried.answered.add(to)
    return { ...reply.answer, ballot: question.ballot }
  }

  /** Fetches the document from the voters that may know it. */
  async #catchUp({ ahead }: Attempt): Promise<void> {
    const fetch = (from: string): Promise<void> =>
      new Promise((resolve) => this.#parts.keeper.catchUp(from, this.#parts.peers, resolve))
    await Promise.all([...ahead].map(fetch))
  }

  /**
   * An attempt ends once too few voters can answer. This waits a moment for the remaining answers, so that the error
   * names every voter that is up.
   */
  async #hearOut({ asked }: Attempt): Promise<void> {
    await Promise.race([Promise.all(asked), this.#after(HEAR_OUT_MS)])
  }

  #after(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#timers.after(ms, resolve))
  }

  /**
   * Announces a decided document to every node in reach, and adopts it here. A node out of reach fetches it later, when
   * it meets the epoch. The removed nodes are told first, because this node closes its links to them when it adopts the
   * document. If this node itself is removed, it tells the others before it adopts the document: it may be stopped at
   * once, and no other node would propose this step of the change.
   */
  async #announce(before: Topology, document: Document): Promise<void> {
    const { keeper, peers, clock, self } = this.#parts
    const after = parseTopology(document).members.map(({ id }) => id)
    const removed = before.members.map(({ id }) => id).filter((id) => !after.includes(id))
    const tell = async (nodes: readonly string[]): Promise<void> => {
      const deadlineMs = clock.nowMs() + ANNOUNCE_TIMEOUT_MS
      const others = nodes.filter((id) => id !== self)
      await Promise.all(others.map((id) => peers.request(id, DECIDED, { document }, deadlineMs)))
    }
    await tell(removed)
    if (removed.includes(self)) await tell(after)
    await keeper.adopt(document)
    if (!removed.includes(self)) await tell(after)
  }
}

/** The refusal, if `change` throws one. */
function nextOf(
  change: (current: Topology) => Topology | undefined,
  current: Topology,
): Topology | QuorateError | undefined {
  try {
    return change(current)
  } catch (error) {
    if (error instanceof QuorateError) return error
    throw error
  }
}

/** The caller's proposals that may have been decided. */
class Doubt {
  readonly #open = new Map<number, Document>()

  get isOpen(): boolean {
    return this.#open.size > 0
  }

  add(epoch: number, document: Document): void {
    this.#open.set(epoch, document)
  }

  /**
   * True if the newest document is one of these proposals. If it is another one of the same epoch, that proposal is
   * dead, because each epoch has one document. Proposals of older epochs stay in doubt.
   */
  settle(newest: Topology): boolean {
    const proposed = this.#open.get(newest.epoch)
    if (proposed === undefined) return false
    if (proposed === encodeTopology(newest)) return true
    this.#open.delete(newest.epoch)
    return false
  }
}

function attemptOf(instance: number, ballot: Ballot, deadlineMs: number): Attempt {
  return {
    instance,
    ballot,
    deadlineMs,
    answered: new Set(),
    refusals: new Map(),
    ahead: new Set(),
    asked: [],
  }
}

function passOn(told: Told, on: ReplyTakers<Document>): void {
  if (told === 'unsent') on.unsent()
  else if (told === 'lost') on.lost()
  else on.replied(told)
}

/** Other proposals have won, or too few voters could vote. */
function failureOf({ type }: Result, voters: readonly string[], tried: Attempt): QuorateError {
  const hasMajority = tried.answered.size >= majority(voters.length)
  return type === 'conflict' && hasMajority ? contended() : unreachable(voters, tried)
}

function contended(): QuorateError {
  const message = 'other changes of the topology came first, again and again'
  return new QuorateError('overloaded', message, { retryAfterSeconds: 1 })
}

function unreachable(voters: readonly string[], { answered, refusals }: Attempt): QuorateError {
  const who = answered.size === 0 ? 'none' : voters.filter((id) => answered.has(id)).join(', ')
  const what = `a majority of the voters ${voters.join(', ')} is needed to change the topology`
  const refused = [...refusals].map(([id, why]) => `; ${id} could not vote: ${why}`).join('')
  const message = `${what}; ${who} answered${refused}. Reads and writes of data continue.`
  const counts = { required: majority(voters.length), received: answered.size }
  return new QuorateError('quorum_unreachable', message, { ...counts, retryAfterSeconds: 1 })
}
