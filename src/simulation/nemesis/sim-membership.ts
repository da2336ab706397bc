/**
 * Changes the members during a run. An operator requests one change at a time, and repeats the request until its
 * outcome is known. New machines come with a join or a replacement. A machine is lost forever before a remove, also
 * while another change is under way. That change may wait for the lost machine, so the operator then does what
 * docker/README.md says: cancel it, and repeat the remove.
 */
import { type ErrorCode, QuorateError } from '../../core/errors.ts'
import type { ChangeRequest } from '../../core/placement/change-target.ts'
import type { Topology } from '../../core/placement/topology.ts'
import { encodeTopology } from '../../node/topology/topology-document.ts'
import type { Fault } from '../plan/sim-fault.ts'
import type { Schedule } from '../world/schedule.ts'
import type { CallEnd, SimulatedNode } from '../world/simulated-node.ts'

/** The largest and the smallest number of members. The widest bucket has three copies. */
const MEMBERS_MAX = 7
const MEMBERS_MIN = 4
/** How many machines there may be in a run. Ids are never reused. */
const MACHINES_MAX = 12
const ASK_TIMEOUT_MS = 3000
const RETRY_US = 500_000

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
  #isBusy = false
  #machines: number

  constructor(parts: MembershipParts) {
    this.#parts = parts
    this.#machines = parts.nodes.size
  }

  /** Begins a change and returns its description; undefined if no change can begin. */
  begin({ nodes, strength }: Fault): string | undefined {
    const topology = newestTopology(this.#parts.nodes.values())
    if (topology === undefined || this.#isBusy) return undefined
    const { change } = topology
    if (change !== undefined) {
      // A change for a lost machine cannot be undone, because the machine does not come back. While it is under way, no
      // second machine is lost: each of the two removals would wait for the other machine.
      if (change.isLost) return undefined
      if (strength % 3 === 0 && change.phase === 'moving') {
        this.#cancel(topology)
        return `cancel the ${change.kind}`
      }
    }
    const members = topology.members.map(({ id }) => id)
    const target = nodes.find((id) => members.includes(id))
    if (target === undefined) return undefined
    if (change !== undefined) {
      return strength >= 80 && members.length > MEMBERS_MIN ? this.#remove(target) : undefined
    }
    if (members.length >= MEMBERS_MAX) return this.#leave(target)
    if (members.length <= MEMBERS_MIN || strength < 30) return this.#join()
    if (strength < 55) return this.#leave(target)
    return strength < 80 ? this.#replace(target) : this.#remove(target)
  }

  #join(): string | undefined {
    const machine = this.#newMachine()
    if (machine === undefined) return undefined
    this.#ask({ kind: 'join', member: memberOf(machine) }, machine)
    return `join ${machine.id}`
  }

  #leave(node: string): string {
    this.#ask({ kind: 'leave', node }, undefined)
    return `leave ${node}`
  }

  #replace(old: string): string | undefined {
    const machine = this.#newMachine()
    if (machine === undefined) return undefined
    this.#ask({ kind: 'replace', old, member: memberOf(machine), isLost: false }, machine)
    return `replace ${old} by ${machine.id}`
  }

  #remove(id: string): string | undefined {
    const node = this.#parts.nodes.get(id)
    if (node === undefined || node.isGone || !this.#parts.mayLoseData(id)) return undefined
    node.lose()
    this.#parts.onDirectory(id)
    this.#ask({ kind: 'remove', node: id }, undefined)
    return `remove ${id}, which is lost`
  }

  #newMachine(): SimulatedNode | undefined {
    if (this.#machines >= MACHINES_MAX) return undefined
    return this.#parts.build(`n${++this.#machines}`)
  }

  #cancel(topology: Topology): void {
    this.#isBusy = true
    const asked = topology.change?.id
    const again = (): void => {
      const node = this.#anyMember()
      if (node === undefined) return void this.#parts.schedule.after(RETRY_US, again)
      node.call(
        async (service) => {
          if (service.topology().change?.id === asked) await service.cancelChange(ASK_TIMEOUT_MS)
        },
        (end) => {
          if (isUndecided(end)) this.#parts.schedule.after(RETRY_US, again)
          else this.#isBusy = false
        },
      )
    }
    again()
  }

  /** Repeats the request until its outcome is known. Then starts the machine that the change made a member. */
  #ask(request: ChangeRequest, machine: SimulatedNode | undefined): void {
    this.#isBusy = true
    const later = (): void => void this.#parts.schedule.after(RETRY_US, again)
    const again = (): void => {
      const node = this.#anyMember()
      if (node === undefined) return later()
      node.call(
        (service) => service.applyChange(request, ASK_TIMEOUT_MS),
        (end) => {
          if (request.kind === 'remove' && isRefusedFor(end, 'change_under_way')) {
            node.call((service) => service.cancelChange(ASK_TIMEOUT_MS), later)
            return
          }
          if (isUndecided(end)) {
            later()
            return
          }
          this.#isBusy = false
          if (machine === undefined) return
          if (end.type === 'answered') machine.join(encodeTopology(end.answer))
          else machine.lose()
        },
      )
    }
    again()
  }

  #anyMember(): SimulatedNode | undefined {
    const members = newestTopology(this.#parts.nodes.values())?.members ?? []
    const up = members.flatMap(({ id }) => this.#parts.nodes.get(id) ?? []).filter((n) => n.isUp)
    return up[this.#parts.schedule.events % Math.max(1, up.length)]
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

/**
 * Whether the change may have been decided, or may be decided later: a majority was missing, or another change was on.
 */
function isUndecided(end: CallEnd<unknown>): boolean {
  return end.type !== 'answered' && !isRefusedFor(end, 'change_refused')
}

function isRefusedFor(end: CallEnd<unknown>, code: ErrorCode): boolean {
  return end.type === 'failed' && end.error instanceof QuorateError && end.error.code === code
}

function memberOf({ id }: SimulatedNode): { id: string; peerUrl: string; zone: string } {
  return { id, peerUrl: `sim://${id}`, zone: id }
}
