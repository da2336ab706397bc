/**
 * A whole cluster on virtual time: its machines, the wires between them, the trace of all that is visible from outside,
 * and the first violation. It decides neither what clients ask nor what breaks.
 *
 * Invariant: after the first violation no further event runs.
 */
import { xxh32 } from '../../core/hash/xxh32.ts'
import type { NodeSettings } from '../../node/node-settings.ts'
import type { Channel } from '../../ports/network.ts'
import { SeededRandom } from '../../random/seeded-random.ts'
import { ClockStamps } from '../checks/clock-stamps.ts'
import { FORBIDDEN_LOG_MESSAGES } from '../checks/forbidden-log-messages.ts'
import { Violation } from '../checks/violation.ts'
import { newestTopology } from '../nemesis/sim-membership.ts'
import { nodeIds } from '../plan/plan.ts'
import { Trace, TRACE_CALL, TRACE_FAULT, TRACE_FRAME, TRACE_LINK } from '../record/trace.ts'
import { runSchedule, Schedule } from '../world/schedule.ts'
import { type NodeEvents, SimulatedNode } from '../world/simulated-node.ts'
import { SETTINGS } from '../world/simulated-settings.ts'
import { watchRejections } from '../world/unhandled-rejections.ts'
import { type Flight, Wires } from '../world/wires.ts'

/** What records the events of a run for people. */
export interface Recorder {
  /** `node` is undefined if the event concerns all nodes. */
  note(atUs: number, node: string | undefined, text: string): void
  /** A frame has left its node. */
  departs?(flight: Flight): void
  /** A frame has arrived. */
  frame?(atUs: number, from: string, to: string, channel: Channel, frame: Uint8Array): void
}

export interface ClusterSize {
  readonly seed: string
  readonly nodes: number
  /** In so many zones the nodes stand, neighbours together. Without it each node is a zone of its own. */
  readonly zones?: number
}

export class SimulatedCluster {
  readonly schedule = new Schedule()
  readonly random: SeededRandom
  readonly wires: Wires
  readonly #recorder: Recorder | undefined
  readonly #trace = new Trace()
  readonly #nodes = new Map<string, SimulatedNode>()
  readonly #founders: NodeSettings['members']
  readonly #events: NodeEvents
  readonly #stamps = new ClockStamps()
  #violation: Violation | undefined
  #calls = 0
  #messages = 0

  constructor({ seed, nodes, zones }: ClusterSize, recorder?: Recorder) {
    this.#recorder = recorder
    this.random = new SeededRandom(seed)
    this.wires = new Wires(this.schedule, this.random.child('wires'))
    this.wires.onFrame = ({ from, to, channel, frame }, atUs) => {
      this.#trace.note(TRACE_FRAME, atUs | 0, xxh32(frame), frame.length)
      this.#recorder?.frame?.(atUs, from, to, channel, frame)
    }
    this.wires.onDepart = (flight) => this.#recorder?.departs?.(flight)
    this.wires.onSend = (from, frame) => {
      const wentBack = this.#stamps.check(from, frame)
      if (wentBack !== undefined) this.#fail(wentBack)
    }
    this.wires.onLink = (from, to, isOpen) => {
      this.#trace.noteText(TRACE_LINK, this.schedule.nowUs, `${from}>${to} ${isOpen}`)
      this.tell(from, `link to ${to} ${isOpen ? 'opens' : 'closes'}`)
    }
    const ids = nodeIds(nodes)
    this.#founders = ids.map((id, i) => ({
      id,
      peerUrl: `sim://${id}`,
      zone: zones === undefined ? id : `zone-${Math.floor((i * zones) / nodes) + 1}`,
    }))
    this.#events = {
      onBroken: (node, error) => this.broken(`broken ${node}`, error),
      onMessages: (count) => {
        this.#messages += count
      },
      onLog: (node, level, fields, message) => {
        if (FORBIDDEN_LOG_MESSAGES.has(message)) {
          this.broken(message, new Error(`${node}: ${JSON.stringify(fields)}`))
        }
        if (this.#recorder !== undefined && level !== 'debug') {
          this.tell(node, `${message} ${JSON.stringify(fields)}`)
        }
      },
    }
    for (const id of ids) this.#build(id, this.#founders)
  }

  get nodes(): ReadonlyMap<string, SimulatedNode> {
    return this.#nodes
  }

  get violation(): Violation | undefined {
    return this.#violation
  }

  /** The hash of all events so far. */
  get hash(): string {
    return this.#trace.hash()
  }

  get counts(): { readonly events: number; readonly messages: number; readonly calls: number } {
    return { events: this.schedule.events, messages: this.#messages, calls: this.#calls }
  }

  /** Makes a machine that becomes a member by a change. */
  buildNewcomer(id: string): SimulatedNode {
    return this.#build(id, undefined)
  }

  /** A second machine of a first member; undefined for any other node. */
  buildTwin(id: string, address: string): SimulatedNode | undefined {
    // A node that joined knows its cluster only from its directory, so a twin with an empty one cannot start.
    if (!this.#founders.some((founder) => founder.id === id)) return undefined
    return this.#machine(id, this.#founders, address)
  }

  /** Decides by the newest topology of the running machines. While no machine is up, all machines count as members. */
  isMember(id: string): boolean {
    const node = this.#nodes.get(id)
    if (node === undefined || node.isGone) return false
    const members = newestTopology(this.#nodes.values())?.members
    return members === undefined || members.some((member) => member.id === id)
  }

  members(): SimulatedNode[] {
    const ids = newestTopology(this.#nodes.values())?.members.map(({ id }) => id) ?? []
    return ids.flatMap((id) => this.#nodes.get(id) ?? [])
  }

  /** Runs the cluster until `untilUs` or until `isDone`; throws the first violation. */
  async until(untilUs: number, isDone: () => boolean = () => false): Promise<void> {
    try {
      await runSchedule(this.schedule, untilUs, () => this.#violation !== undefined || isDone())
    } catch (error) {
      this.broken('an event threw', error)
    }
    if (this.#violation !== undefined) throw this.#violation
  }

  /** Runs `course` while no rejection goes unnoticed. Resolves with the violation that ended it, if any. */
  async watched(course: () => Promise<void>): Promise<Violation | undefined> {
    const stopWatching = watchRejections((error) => this.broken('unhandled-rejection', error))
    try {
      await course()
      return undefined
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      return error
    } finally {
      stopWatching()
    }
  }

  broken(what: string, error: unknown): void {
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#fail(
      error instanceof Violation
        ? error
        : new Violation('broken', `${what}: ${told}`, undefined, { cause: error }),
    )
  }

  /** Records a fault. Without `nodes` it hits all of them. */
  onFault(text: string, nodes: readonly string[]): void {
    this.#trace.noteText(TRACE_FAULT, this.schedule.nowUs, text)
    for (const node of nodes.length === 0 ? this.#nodes.keys() : nodes) {
      this.tell(node, `*** ${text}`)
    }
  }

  /** Records a request of a client, or its outcome. */
  onCall(node: string, text: string): void {
    this.#calls++
    this.#trace.noteText(TRACE_CALL, this.schedule.nowUs, text)
    this.tell(node, text)
  }

  /** The node got a different directory, so it may not know which clock readings it gave before. */
  forgetStamp(node: string): void {
    this.#stamps.forget(node)
  }

  tell(node: string, text: string): void {
    this.#recorder?.note(this.schedule.nowUs, node, text)
  }

  /** Records an event that concerns all nodes. */
  tellAll(text: string): void {
    this.#recorder?.note(this.schedule.nowUs, undefined, text)
  }

  #build(id: string, members: NodeSettings['members'] | undefined): SimulatedNode {
    const node = this.#machine(id, members ?? [], id, members === undefined)
    this.#nodes.set(id, node)
    return node
  }

  #machine(
    nodeId: string,
    members: NodeSettings['members'],
    address: string,
    isNewcomer = false,
  ): SimulatedNode {
    return new SimulatedNode(
      this.#nodes.size,
      this.schedule,
      this.wires,
      { ...SETTINGS, nodeId, members },
      this.random.child(address),
      this.#events,
      isNewcomer,
      address,
    )
  }

  #fail(violation: Violation): void {
    if (this.#violation !== undefined) return
    this.#violation = violation
    this.tellAll(`VIOLATION ${violation.message}`)
  }
}
