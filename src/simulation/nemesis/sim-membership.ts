/**
 * Draws changes of the members during a run. New machines come with a join or a replacement. A machine is lost forever
 * before a remove, also while another change is under way.
 */
import { lostMembers } from '../../core/placement/lost-members.ts'
import type { Topology } from '../../core/placement/topology.ts'
import type { Fault } from '../plan/sim-fault.ts'
import type { Schedule } from '../world/schedule.ts'
import type { SimulatedNode } from '../world/simulated-node.ts'
import { memberOf, Operator } from './sim-operator.ts'

/** The largest and the smallest number of members. The widest bucket has three copies. */
const MEMBERS_MAX = 7
const MEMBERS_MIN = 4
/** How many machines there may be in a run. Ids are never reused. */
const MACHINES_MAX = 12

export interface MembershipParts {
  readonly schedule: Schedule
  readonly nodes: ReadonlyMap<string, SimulatedNode>
  /** Makes a new machine without starting it. */
  readonly build: (id: string) => SimulatedNode
  /** Whether a machine can be lost without losing the only copy of a write. */
  readonly mayLoseData: (node: string) => boolean
  readonly onDirectory: (node: string) => void
}

export class MembershipNemesis {
  readonly #parts: MembershipParts
  readonly #operator: Operator
  #machines: number

  constructor(parts: MembershipParts) {
    this.#parts = parts
    this.#operator = new Operator(parts.schedule, () => membersUp(parts.nodes))
    this.#machines = parts.nodes.size
  }

  /** Begins a change and returns its description; undefined if no change can begin. */
  begin({ nodes, strength }: Fault): string | undefined {
    const topology = newestTopology(this.#parts.nodes.values())
    if (topology === undefined || this.#operator.isBusy) return undefined
    const { change } = topology
    if (change !== undefined) {
      // A change for a lost machine is never undone, because the machine does not come back.
      if (!change.isLost && strength % 3 === 0 && change.phase === 'moving') {
        this.#operator.cancel(change.id)
        return `cancel the ${change.kind}`
      }
    }
    const members = topology.members.map(({ id }) => id)
    const target = nodes.find((id) => members.includes(id))
    if (target === undefined) return undefined
    if (change !== undefined) {
      const going =
        lostMembers(topology).length + (change.leaving === null || change.isLost ? 0 : 1)
      const mayLose = members.length - going > MEMBERS_MIN
      return strength >= 80 && mayLose ? this.#remove(target) : undefined
    }
    if (members.length >= MEMBERS_MAX) return this.#leave(target)
    if (members.length <= MEMBERS_MIN || strength < 30) return this.#join()
    if (strength < 55) return this.#leave(target)
    return strength < 80 ? this.#replace(target) : this.#remove(target)
  }

  #join(): string | undefined {
    const machine = this.#newMachine()
    if (machine === undefined) return undefined
    this.#operator.ask({ kind: 'join', member: memberOf(machine) }, machine)
    return `join ${machine.id}`
  }

  #leave(node: string): string {
    this.#operator.ask({ kind: 'leave', node }, undefined)
    return `leave ${node}`
  }

  #replace(old: string): string | undefined {
    const machine = this.#newMachine()
    if (machine === undefined) return undefined
    this.#operator.ask({ kind: 'replace', old, member: memberOf(machine), isLost: false }, machine)
    return `replace ${old} by ${machine.id}`
  }

  #remove(id: string): string | undefined {
    const node = this.#parts.nodes.get(id)
    if (node === undefined || node.isGone || !this.#parts.mayLoseData(id)) return undefined
    node.lose()
    this.#parts.onDirectory(id)
    this.#operator.ask({ kind: 'remove', node: id }, undefined)
    return `remove ${id}, which is lost`
  }

  #newMachine(): SimulatedNode | undefined {
    if (this.#machines >= MACHINES_MAX) return undefined
    return this.#parts.build(`n${++this.#machines}`)
  }
}

/** The newest topology that any running machine knows; undefined if no machine is up. */
export function newestTopology(nodes: Iterable<SimulatedNode>): Topology | undefined {
  let newest: Topology | undefined
  for (const node of nodes) {
    if (!node.isUp) continue
    const topology = node.service?.topology()
    if (topology !== undefined && topology.epoch > (newest?.epoch ?? 0)) newest = topology
  }
  return newest
}

/** The members that serve requests. */
export function membersUp(nodes: ReadonlyMap<string, SimulatedNode>): SimulatedNode[] {
  const members = newestTopology(nodes.values())?.members ?? []
  return members.flatMap(({ id }) => nodes.get(id) ?? []).filter(({ isUp }) => isUp)
}
