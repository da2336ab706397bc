/** The progress of a change of the members: this node's own, and that of all members. */
import type { NodeClock } from '../identity/node-clock.ts'
import type { Peers } from '../peers/peers.ts'
import type { MovesStatus, NodeMove } from '../service/service.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import { changeStatus } from './change-status.ts'
import type { Intake } from './intake.ts'
import type { Release } from './release.ts'
import type { Sweep } from './sweep.ts'
import { NO_FIELDS } from '../wire/asks/ask-format.ts'
import { type MoveProgress, MOVES } from '../wire/asks/move-asks.ts'

const ASK_TIMEOUT_MS = 1000

/** This node's parts in a change of the members. */
export interface Moves {
  readonly intake: Intake
  readonly release: Release
  readonly sweep: Sweep
}

export interface MovesViewParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly peers: Peers
  readonly clock: NodeClock
  readonly moves: Moves
}

export class MovesView {
  readonly #parts: MovesViewParts

  constructor(parts: MovesViewParts) {
    this.#parts = parts
  }

  /** Undefined if this node has no part in the change. */
  ownProgress(): NodeMove | undefined {
    const { intake, release, sweep } = this.#parts.moves
    return intake.progress() ?? release.progress() ?? sweep.progress()
  }

  async status(): Promise<MovesStatus> {
    const { keeper } = this.#parts
    const { epoch, members, lost = [] } = keeper.topology
    const change = changeStatus(keeper.topology)
    if (change === null) return { epoch, change, lost, nodes: [] }
    const isAwaited = (id: string): boolean => change.waitingFor.includes(id)
    const told = await Promise.all(members.map(({ id }) => this.#ask(id, isAwaited(id))))
    return { epoch, change, lost, nodes: told.filter((move) => move !== undefined) }
  }

  /** Undefined if the member has no part in the change. */
  async #ask(node: string, isAwaited: boolean): Promise<NodeMove | undefined> {
    const { self, peers, clock } = this.#parts
    if (node === self) return this.ownProgress()
    const reply = await peers.request(node, MOVES, NO_FIELDS, clock.nowMs() + ASK_TIMEOUT_MS)
    if (reply.type === 'ok') return reply.answer.progress && { ...reply.answer.progress, node }
    return isAwaited ? { ...NOTHING_TOLD, node } : undefined
  }
}

const NOTHING_TOLD: MoveProgress = {
  state: 'unreachable',
  partitions: 0,
  partitionsDone: 0,
  keys: 0,
  bytes: 0,
  secondsLeft: null,
  waitsFor: '',
}
