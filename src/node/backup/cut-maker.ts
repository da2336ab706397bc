/**
 * Takes one consistent cut: a snapshot of the disk of every member, each at the moment in which its hybrid clock passes
 * the same time. README.md of this room says why these snapshots together are a state that the cluster could have been
 * in at one instant.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import { timestampOf } from '../../core/causality/hybrid-clock.ts'
import { QuorateError } from '../../core/errors.ts'
import { placementAt } from '../../core/placement/preference-list.ts'
import { copyCounts, PARTITION_COUNT, type Topology } from '../../core/placement/topology.ts'
import { majority } from '../../core/quorum/level.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { NoAnswer, Reply } from '../peers/reply.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import type { CutTakenAnswer } from '../wire/asks/cut-asks.ts'
import type { CutMembers } from './cut-members.ts'
import type { HeldCuts } from './held-cuts.ts'

/**
 * How far ahead a cut lies, at first and at most. By then every member must have agreed to hold, and must have heard
 * that all members do (`HeldCuts`).
 */
export const LEAD_MS_MIN = 200
const LEAD_MS_MAX = 800
/**
 * The part of this time for the members' agreement, which takes a write to each disk. The rest is for the confirmation.
 */
const HOLD_SHARE = 0.75
/** From the time of the cut on, each member has this long to take its snapshot, and then to answer clients again. */
const TAKEN_TIMEOUT_MS = 400
const OPEN_TIMEOUT_MS = 400

export interface CutMakerParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly clock: NodeClock
  readonly members: CutMembers
  readonly held: HeldCuts
}

export interface Cut {
  readonly name: string
  readonly at: Timestamp
  /** The topology in force at the cut. */
  readonly topology: Topology
  /** The highest horizon of the sources: every owner had settled everything up to this time. */
  readonly horizon: Timestamp
  /** The nodes with a snapshot. */
  readonly sources: readonly CutSource[]
  /** Whether every member is one of the sources. */
  readonly hasAll: boolean
}

export interface CutSource {
  readonly node: string
  /** The nodes for which it has hints. */
  readonly hintOwners: readonly string[]
}

/** This attempt has failed, and another one may succeed. */
class CutFailed extends Error {}

export class CutMaker {
  readonly #parts: CutMakerParts
  #made = 0
  #leadMs = LEAD_MS_MIN

  constructor(parts: CutMakerParts) {
    this.#parts = parts
  }

  /**
   * Makes one attempt, for a backup that covers all writes or those of a majority. `needsAll`: whether it fails without
   * a snapshot of every member. Returns the error that explains a failure.
   */
  async make(covers: 'all' | 'quorum', needsAll = covers === 'all'): Promise<Cut | QuorateError> {
    const { self, keeper, clock, members } = this.#parts
    const { topology } = keeper
    const at = timestampOf(clock.nowMs() + this.#leadMs)
    const name = `${self}/${at}/${++this.#made}`
    const nodes = topology.members.map(({ id }) => id)
    try {
      // An old owner may hold a write that no new owner has.
      if (covers === 'all') refuseReleasing(topology)
      const holding = await this.#hold(name, at, topology, needsAll)
      const taken = await this.#take(name, holding)
      const cut = await this.#open({ name, at }, topology, taken, needsAll)
      if (covers === 'all') refuseReleasing(cut.topology)
      this.#leadMs = LEAD_MS_MIN
      return cut
    } catch (error) {
      members.tell(nodes, 'cut-end', name)
      if (!(error instanceof CutFailed)) throw error
      // The members may be slow to answer, or a clock may be ahead.
      this.#leadMs = Math.min(2 * this.#leadMs, LEAD_MS_MAX)
      return needsAll ? wanting(error.message) : tooFew(error.message)
    }
  }

  /** Has all members release their snapshots. */
  end({ name, topology }: Cut): void {
    const nodes = topology.members.map(({ id }) => id)
    this.#parts.members.tell(nodes, 'cut-end', name)
  }

  /** Has all sources keep their snapshots for some more time. */
  keep({ name, sources }: Cut): void {
    const nodes = sources.map(({ node }) => node)
    this.#parts.members.tell(nodes, 'cut-open', name)
  }

  /** The members that will take a snapshot. */
  async #hold(
    cut: string,
    at: Timestamp,
    topology: Topology,
    needsAll: boolean,
  ): Promise<readonly string[]> {
    const { self, members } = this.#parts
    const nodes = topology.members.map(({ id }) => id)
    const replies = await members.askAll(nodes, 'cut-hold', { cut, at }, HOLD_SHARE * this.#leadMs)
    const holding: string[] = []
    const failures: string[] = []
    for (const [node, reply] of replies) {
      if (reply.type !== 'ok') failures.push(wordsOf(node, reply))
      else if (reply.answer.isHeld) holding.push(node)
      // It would go on to answer clients, and the others would not hold back what they tell of that.
      else throw new CutFailed(passed(node))
    }
    const isEnough = needsAll ? failures.length === 0 : hasMajorities(topology, holding)
    if (!isEnough || !holding.includes(self)) throw new CutFailed(failures.join(', '))
    return holding
  }

  /** What each of these nodes tells of its snapshot. */
  async #take(
    cut: string,
    holding: readonly string[],
  ): Promise<ReadonlyMap<string, Reply<CutTakenAnswer>>> {
    const { self, members } = this.#parts
    const timeoutMs = this.#leadMs + TAKEN_TIMEOUT_MS
    const others = holding.filter((node) => node !== self)
    const own = members.ask(self, 'cut-taken', { cut }, timeoutMs)
    const asked = members.askAll(others, 'cut-taken', { cut }, timeoutMs)
    const ownTaken = await own
    if (ownTaken.type !== 'ok') throw new CutFailed(passed(self))
    // The clock of this node has passed the cut, so the stamps of these messages take the others past it, too.
    members.tell(others, 'cut-taken', cut)
    return new Map<string, Reply<CutTakenAnswer>>([[self, ownTaken], ...(await asked)])
  }

  async #open(
    { name, at }: Pick<Cut, 'name' | 'at'>,
    before: Topology,
    taken: ReadonlyMap<string, Reply<CutTakenAnswer>>,
    needsAll: boolean,
  ): Promise<Cut> {
    const { members, held } = this.#parts
    const topology = held.topologyAt(name)
    if (topology === undefined) throw new CutFailed(passed(this.#parts.self))
    const { placementVersion } = topology
    const isMoved =
      placementVersion !== before.placementVersion ||
      [...taken.values()].some(
        (reply) => reply.type === 'ok' && reply.answer.placementVersion !== placementVersion,
      )
    if (isMoved) throw new CutFailed('the members have changed at the same time')
    const failures: string[] = []
    const takers = [...taken.keys()].filter((node) => isOk(node, taken, failures))
    if (needsAll && failures.length > 0) throw new CutFailed(failures.join(', '))
    const opened = await members.askAll(takers, 'cut-open', { cut: name }, OPEN_TIMEOUT_MS)
    const openers = takers.filter((node) => isOk(node, opened, failures))
    const hasAll = topology.members.every(({ id }) => openers.includes(id))
    const isEnough = hasAll || (!needsAll && hasMajorities(topology, openers))
    if (!isEnough) throw new CutFailed(failures.join(', '))
    const told = openers.map((node) => ({ node, ...answerOf(taken.get(node)) }))
    const sources = told.map(({ node, hintOwners }): CutSource => ({ node, hintOwners }))
    const horizon = Math.max(...told.map((answer) => answer.horizon))
    return { name, at, topology, horizon, sources, hasAll }
  }
}

/** Throws CutFailed. */
function refuseReleasing({ change }: Topology): void {
  if (change?.phase !== 'releasing') return
  throw new CutFailed('old owners are giving up copies that they have handed over')
}

function passed(node: string): string {
  return `the clock of ${node} had passed the cut before every member was ready`
}

/** Whether the node has done what it was asked. If not, adds why to `failures`. */
function isOk(
  node: string,
  replies: ReadonlyMap<string, Reply<unknown>>,
  failures: string[],
): boolean {
  const reply = replies.get(node) as Reply<unknown>
  if (reply.type !== 'ok') failures.push(wordsOf(node, reply))
  return reply.type === 'ok'
}

/** Of a node that has taken its snapshot. */
function answerOf(reply: Reply<CutTakenAnswer> | undefined): CutTakenAnswer {
  return (reply as Extract<Reply<CutTakenAnswer>, { type: 'ok' }>).answer
}

/** Whether a majority of the owners of each data partition is among the nodes. */
function hasMajorities(topology: Topology, nodes: readonly string[]): boolean {
  return copyCounts(topology).every((copies) => {
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      const { owners } = placementAt(topology, copies, partition)
      const there = owners.filter((owner) => nodes.includes(owner))
      if (there.length < majority(owners.length)) return false
    }
    return true
  })
}

/** Why the node has no part in the cut. */
export function wordsOf(node: string, reply: NoAnswer): string {
  if (reply.type !== 'refused') return `${node} does not answer`
  // A node of an older version does not know the ask.
  if (reply.code === 'bad_message') return `${node} cannot take part before it is upgraded`
  return `${node}: ${reply.message}`
}

function wanting(reason: string): QuorateError {
  return new QuorateError(
    'quorum_unreachable',
    `a backup needs the copies and hints of every member at one instant, because any of them may hold the only copy of an acknowledged write (${reason}). ` +
      'Wait until all members are in reach, or remove the lost ones from the cluster. ' +
      'A backup with covers=quorum does without them: it promises only the writes that a majority of the owners acknowledged',
    { retryAfterSeconds: 5 },
  )
}

function tooFew(reason: string): QuorateError {
  return new QuorateError(
    'quorum_unreachable',
    `a backup needs a majority of the owners of every data partition at one instant (${reason})`,
    { retryAfterSeconds: 5 },
  )
}
