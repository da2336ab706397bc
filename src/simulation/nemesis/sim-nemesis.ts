/**
 * Injects the faults of a plan and undoes them, each at its own end, and all of them at the end of the run. A machine
 * has at most one fault of its process or disk at a time; a second one is skipped.
 */
import type { NumberedFault } from '../plan/plan.ts'
import { VERSIONS } from '../../core/protocol-versions.ts'
import {
  COMMON_JUMP_STEP_MS,
  cutPairs,
  describeFault,
  type Fault,
  hasOwnCopy,
  MEMBERSHIP,
  SKEW_ALL,
  STALL,
  SWAP,
  TWIN,
  UPGRADE,
} from '../plan/sim-fault.ts'
import type { Schedule } from '../world/schedule.ts'
import type { SimulatedNode } from '../world/simulated-node.ts'
import { goBackToCopy, swapDirectories } from './swapped-directories.ts'
import { TwinNemesis, type TwinParts } from './twin.ts'
import type { CutKind, Wires } from '../world/wires.ts'

/** Faults that hit all nodes. */
const HITS_ALL_NODES: ReadonlySet<string> = new Set([
  'loss',
  'duplicate',
  'reorder',
  'delay',
  'blackout',
  SKEW_ALL,
])
const FLAP_INTERVAL_US = 400_000
/** Clock jumps are mostly around the allowed drift, and sometimes far beyond it. */
const JUMP_MS = 1500
export const LONG_JUMP_MS = 20_000
/**
 * The jump of all clocks together. It is far longer than the time that a cluster gets to come to rest, and shorter than
 * the life of an idempotency key, whose age a cluster can measure only by its own time.
 */
const COMMON_JUMP_MS = 300_000
/** The delay of a second crash is this times the strength of the fault: at most 3 s, for strengths below 50. */
const SECOND_CRASH_STEP_US = 60_000
const APART_US = 4_000_000

export interface NemesisParts {
  readonly schedule: Schedule
  readonly wires: Wires
  readonly nodes: ReadonlyMap<string, SimulatedNode>
  readonly onFault: (text: string, nodes: readonly string[]) => void
  /** Whether the machine exists and is a member. */
  readonly isMember: (node: string) => boolean
  /** Begins a change of the members and returns its description; undefined if no change can begin. */
  readonly change: (fault: Fault) => string | undefined
  /** Whether a directory, or a record, can be lost without losing the only copy of a write. */
  readonly mayLoseData: (node: string, backup?: ReadonlyMap<string, Uint8Array>) => boolean
  /** Called when a node gets a different directory. It may not know what it said before. */
  readonly onDirectory: (node: string) => void
  readonly mayRot: (node: string, storageKey: string) => boolean
  readonly buildTwin: TwinParts['buildTwin']
}

export class Nemesis {
  readonly #parts: NemesisParts
  readonly #undo = new Map<number, () => void>()
  readonly #faultyMachines = new Set<string>()
  readonly #backups = new Map<string, ReadonlyMap<string, Uint8Array>>()
  /** Ends effects that outlast their fault. Each may be called any number of times. */
  readonly #outlasting: (() => void)[] = []
  readonly twins: TwinNemesis
  #isHealed = false
  faults = 0

  constructor(parts: NemesisParts, faults: readonly NumberedFault[]) {
    this.#parts = {
      ...parts,
      mayLoseData: (...asked) => !this.twins.isOn && parts.mayLoseData(...asked),
      mayRot: (...asked) => !this.twins.isOn && parts.mayRot(...asked),
    }
    this.twins = new TwinNemesis(this.#parts)
    for (const { number, fault } of faults) {
      parts.schedule.after(fault.startMs * 1000, () => this.#begin(number, fault))
      parts.schedule.after(fault.endMs * 1000, () => this.#end(number))
    }
  }

  /** Ends every fault that is still on, and prevents new ones. */
  heal(): void {
    this.#isHealed = true
    for (const number of this.#undo.keys()) this.#end(number)
    for (const undo of this.#outlasting) undo()
    for (const node of this.#parts.nodes.values()) node.host.synchronise()
  }

  #begin(number: number, fault: Fault): void {
    if (this.#isHealed) return
    if (fault.kind === MEMBERSHIP) {
      this.#change(fault)
      return
    }
    // Only members can be hit. Other machines have not joined yet, are lost, or have left. An old directory of a
    // machine that has left would bring back a member that nobody knows any more, and only its operator can prevent
    // that.
    const nodes = fault.nodes.filter((id) => this.#parts.isMember(id))
    fault = { ...fault, nodes }
    const undo = this.#apply(fault)
    if (undo === undefined) return
    this.faults++
    this.#undo.set(number, undo)
    const hitsAll = HITS_ALL_NODES.has(fault.kind)
    this.#parts.onFault(describeFault(fault), hitsAll ? [] : fault.nodes.slice(0, 1))
  }

  #change(fault: Fault): void {
    const what = this.#parts.change(fault)
    if (what === undefined) return
    this.faults++
    this.#parts.onFault(what, [])
  }

  #end(number: number): void {
    this.#undo.get(number)?.()
    this.#undo.delete(number)
  }

  #apply(fault: Fault): (() => void) | undefined {
    const { wires, schedule } = this.#parts
    switch (fault.kind) {
      case 'partition':
      case 'isolate':
      case 'oneway':
      case 'bridge':
      case 'ring':
        return this.#cut(cutPairs(fault), fault.cut)
      case 'flap': {
        let undo: (() => void) | undefined
        let isOver = false
        const flip = (): void => {
          if (isOver) return
          if (undefined === undo) undo = this.#cut(cutPairs(fault), fault.cut)
          else {
            undo()
            undo = undefined
          }
          schedule.after(FLAP_INTERVAL_US, flip)
        }
        flip()
        return () => {
          isOver = true
          undo?.()
        }
      }
      case 'blackout':
        return this.#blackout()
      case SKEW_ALL:
        return this.#skewAll(fault)
      case 'loss':
        return worsenWires(wires, 'lossPercent', 1 + Math.floor(fault.strength / 3))
      case 'duplicate':
        return worsenWires(wires, 'duplicatePercent', 1 + Math.floor(fault.strength / 2))
      case 'reorder':
        return worsenWires(wires, 'reorderPercent', 1 + Math.floor(fault.strength / 2))
      case 'delay':
        return worsenWires(wires, 'delayMs', 1 + fault.strength * 3)
      default:
        return this.#hitMachine(fault)
    }
  }

  #cut(pairs: readonly [string, string][], kind: CutKind): () => void {
    const cuts = pairs.map(([from, to]) => this.#parts.wires.cut(from, to, kind))
    return () => {
      for (const cut of cuts) cut.undo()
    }
  }

  /** The power of all machines fails at once, and comes back. */
  #blackout(): (() => void) | undefined {
    const struck = [...this.#parts.nodes.values()].filter(({ hasProcess }) => hasProcess)
    for (const node of struck) node.crash('machine')
    return () => {
      for (const node of struck) node.start()
    }
  }

  /** Sets all clocks wrong by the same offset, one shortly after the other, and right again in the same way. */
  #skewAll({ strength }: Fault): () => void {
    const { nodes, schedule } = this.#parts
    const ms = strength % 4 === 0 ? -COMMON_JUMP_MS : COMMON_JUMP_MS
    const jumped = new Set<SimulatedNode>()
    let isOver = false
    const inTurn = (task: (node: SimulatedNode) => void): void => {
      ;[...nodes.values()].forEach((node, i) => {
        schedule.after(i * strength * COMMON_JUMP_STEP_MS * 1000, () => task(node))
      })
    }
    inTurn((node) => {
      if (isOver) return
      node.host.jump(ms)
      jumped.add(node)
    })
    return () => {
      isOver = true
      // At the end of the run all clocks are synchronised at once, these included.
      inTurn((node) => {
        if (!this.#isHealed && jumped.has(node)) node.host.jump(-ms)
      })
    }
  }

  /** Injects a fault of one machine. */
  #hitMachine(fault: Fault): (() => void) | undefined {
    const id = fault.nodes[0] as string
    const node = this.#parts.nodes.get(id) as SimulatedNode
    if (this.#faultyMachines.has(id) || !node.hasProcess) return undefined
    const undo = this.#applyToMachine(fault, node)
    if (undo === undefined) return undefined
    this.#faultyMachines.add(id)
    return () => {
      this.#faultyMachines.delete(id)
      undo()
    }
  }

  #applyToMachine(fault: Fault, node: SimulatedNode): (() => void) | undefined {
    const { host, platter } = node
    const { strength } = fault
    const sign = strength % 2 === 0 ? 1 : -1
    switch (fault.kind) {
      case 'kill':
        node.crash('process')
        return () => node.start()
      case 'power':
        node.crash('machine')
        return () => node.start()
      case 'restart':
        return restart(node)
      case UPGRADE:
        node.protocol = node.protocol === VERSIONS.newest ? VERSIONS.oldest : VERSIONS.newest
        return restart(node)
      case 'pause':
        host.freeze()
        return () => host.thaw()
      case 'skew': {
        const ms = sign * (strength < 20 ? LONG_JUMP_MS : Math.ceil((JUMP_MS * strength) / 100))
        host.jump(ms)
        return () => host.jump(-ms)
      }
      case 'drift':
        host.drift(1 + (sign * strength) / 500)
        return () => host.synchronise()
      case 'full':
        platter.isFull = true
        return () => {
          platter.isFull = false
        }
      case 'slow':
        platter.slowness = 1 + strength
        return () => {
          platter.slowness = 1
        }
      case STALL:
        platter.stall()
        return () => platter.answerAgain()
      case 'io-error':
        platter.failPercent = 1 + Math.floor(strength / 4)
        return () => {
          platter.failPercent = 0
        }
      case 'rot':
        platter.rot((key) => this.#parts.mayRot(node.id, key))
        return () => undefined
      case 'lost-data':
        if (!this.#parts.mayLoseData(node.id)) return undefined
        node.crash('machine')
        // A node with damaged own state gives up its directory itself.
        if (strength % 2 === 0 || platter.rot(isOwnState) === undefined) platter.wipe()
        else platter.isDoomed = true
        this.#parts.onDirectory(node.id)
        return () => this.#startAgain(node, fault)
      case 'old-data': {
        // The first such fault makes backups. Later ones restore a directory from its backup, however old it is.
        const backup = this.#backups.get(node.id)
        if (backup === undefined) {
          for (const [id, other] of this.#parts.nodes) this.#backups.set(id, other.platter.copy())
          return () => undefined
        }
        if (!this.#parts.mayLoseData(node.id, backup)) return undefined
        node.crash('machine')
        platter.restore(backup)
        this.#parts.onDirectory(node.id)
        return () => this.#startAgain(node, fault)
      }
      case 'lost-quorum':
        return this.#loseQuorum(fault, node)
      case TWIN: {
        const twin = this.twins.begin(fault, node)
        if (twin === undefined) return undefined
        return () => {
          this.#faultyMachines.add(node.id)
          twin.end(() => this.#faultyMachines.delete(node.id))
        }
      }
      case SWAP:
        return hasOwnCopy(fault)
          ? goBackToCopy(this.#parts, fault, node, () => this.#startAgain(node, fault))
          : this.#swap(node, fault.nodes[1])
      default:
        return undefined
    }
  }

  /**
   * Makes a majority's write unreachable. The second node is isolated and does not get the write. The first node loses
   * its directory. As soon as both are back, the third node is isolated, which alone still has the write.
   */
  #loseQuorum(fault: Fault, node: SimulatedNode): () => void {
    const { schedule } = this.#parts
    const { nodes, cut, startMs, endMs } = fault
    const [, second = '', third = ''] = nodes
    const isolate = (id: string): (() => void) =>
      this.#cut(cutPairs({ kind: 'isolate', nodes: [id, ...nodes.filter((n) => n !== id)] }), cut)
    const rejoin = isolate(second)
    let isOver = false
    schedule.after(((endMs - startMs) * 1000) / 2, () => {
      if (isOver || !node.hasProcess || !this.#parts.mayLoseData(node.id)) return
      node.crash('machine')
      node.platter.wipe()
      this.#parts.onDirectory(node.id)
    })
    return () => {
      isOver = true
      rejoin()
      this.#startAgain(node, fault)
      if (this.#isHealed) return
      const rejoinThird = isolate(third)
      this.#outlasting.push(rejoinThird)
      schedule.after(APART_US, rejoinThird)
    }
  }

  #swap(node: SimulatedNode, otherId = ''): (() => void) | undefined {
    const other = this.#parts.nodes.get(otherId)
    if (other?.hasProcess !== true || this.#faultyMachines.has(other.id)) return undefined
    this.#faultyMachines.add(other.id)
    const undo = swapDirectories(node, other)
    return () => {
      this.#faultyMachines.delete(other.id)
      undo()
    }
  }

  /**
   * Starts a node that has a different directory. Half of these nodes crash once more, before or after being filled.
   */
  #startAgain(node: SimulatedNode, { strength }: Fault): void {
    node.start()
    if (strength >= 50) return
    this.#parts.schedule.after(strength * SECOND_CRASH_STEP_US, () => {
      if (this.#isHealed) return
      node.crash('machine')
      node.start()
    })
  }
}

function isOwnState(key: string): boolean {
  return key.startsWith('m/')
}

/** Stops the node cleanly, and starts it again at the end of the fault. */
function restart(node: SimulatedNode): () => void {
  let isStopped = false
  let isOver = false
  void node.stop().then(() => {
    isStopped = true
    if (isOver) node.start()
  })
  return () => {
    isOver = true
    if (isStopped) node.start()
  }
}

function worsenWires(
  wires: Wires,
  name: 'lossPercent' | 'duplicatePercent' | 'reorderPercent' | 'delayMs',
  value: number,
): () => void {
  wires.faults[name] += value
  return () => {
    wires.faults[name] -= value
  }
}
