/** The progress of a change of the members: this node's own, and that of all members. */
import { waitingFor } from '../../core/placement/change-steps.ts'
import type { Encodable } from '../../ports/codec.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Peers } from '../peers/peers.ts'
import type { MovesStatus, NodeMove } from '../service/service.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import type { Intake } from './intake.ts'
import type { Release } from './release.ts'
import type { Sweep } from './sweep.ts'
import { rawFormat } from '../wire/asks/raw-format.ts'

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

  /** The body of an answer to `moves`; empty if this node has no part in the change. */
  ownBody(): Encodable[] {
    const { intake, release, sweep } = this.#parts.moves
    const own = intake.progress() ?? release.progress() ?? sweep.progress()
    if (own === undefined) return []
    const { state, partitions, partitionsDone, keys, bytes, secondsLeft, waitsFor } = own
    return [state, partitions, partitionsDone, keys, bytes, secondsLeft, waitsFor]
  }

  async status(): Promise<MovesStatus> {
    const { keeper } = this.#parts
    const { epoch, change, members } = keeper.topology
    if (change === undefined) return { epoch, change: null, nodes: [] }
    const { kind, joining, leaving, phase, done } = change
    const waits = waitingFor(keeper.topology)
    const told = await Promise.all(members.map(({ id }) => this.#ask(id, waits.includes(id))))
    const nodes = told.filter((move) => move !== undefined)
    return { epoch, change: { kind, joining, leaving, phase, done, waitingFor: waits }, nodes }
  }

  /** Undefined if the member has no part in the change. */
  async #ask(node: string, isAwaited: boolean): Promise<NodeMove | undefined> {
    const { self, peers, clock } = this.#parts
    if (node === self) return decodeMove(self, this.ownBody())
    const reply = await peers.request(node, rawFormat('moves'), [], clock.nowMs() + ASK_TIMEOUT_MS)
    if (reply.type === 'ok') return decodeMove(node, reply.answer)
    return isAwaited ? { ...NOTHING_TOLD, node } : undefined
  }
}

const NOTHING_TOLD: Omit<NodeMove, 'node'> = {
  state: 'unreachable',
  partitions: 0,
  partitionsDone: 0,
  keys: 0,
  bytes: 0,
  secondsLeft: null,
  waitsFor: '',
}

function decodeMove(node: string, body: readonly Encodable[]): NodeMove | undefined {
  if (body.length === 0) return undefined
  const [state, partitions, partitionsDone, keys, bytes, secondsLeft, waitsFor] = body
  return {
    node,
    state: state as NodeMove['state'],
    partitions: Number(partitions),
    partitionsDone: Number(partitionsDone),
    keys: Number(keys),
    bytes: Number(bytes),
    secondsLeft: typeof secondsLeft === 'number' ? secondsLeft : null,
    waitsFor: String(waitsFor),
  }
}
