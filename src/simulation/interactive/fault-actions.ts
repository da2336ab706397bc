/** Carries out the faults and the changes of the members in an interactive world. A fault stays until it is undone. */
import type { SimulatedCluster } from '../cluster/simulated-cluster.ts'
import { membersUp, newestTopology } from '../nemesis/sim-membership.ts'
import { memberOf, Operator } from '../nemesis/sim-operator.ts'
import type { CallEnd, SimulatedNode } from '../world/simulated-node.ts'
import type { CutKind } from '../world/wires.ts'
import { describeAction, type FaultAction, type MembershipAction } from './action.ts'

interface Cut {
  readonly kind: CutKind
  undo(): void
}

export class FaultActions {
  readonly #cluster: SimulatedCluster
  readonly #operator: Operator
  /** The cuts by direction, such as `n1>n2`. */
  readonly #cuts = new Map<string, Cut>()

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster
    this.#operator = new Operator(cluster.schedule, () => membersUp(cluster.nodes))
  }

  /** The kind of the cut from one node to another; undefined if there is none. */
  cutOf(from: string, to: string): CutKind | undefined {
    return this.#cuts.get(`${from}>${to}`)?.kind
  }

  apply(action: FaultAction | MembershipAction): void {
    this.#cluster.onFault(describeAction(action), nodesHit(action))
    switch (action.do) {
      case 'cut':
        this.#cut(action)
        break
      case 'heal':
        this.#heal(action)
        break
      case 'join':
      case 'leave':
      case 'replace':
      case 'remove':
      case 'cancel':
        this.#change(action)
        break
      default:
        this.#hit(action)
    }
  }

  #cut({ from, to, oneWay = false, kind = 'mute' }: Extract<FaultAction, { do: 'cut' }>): void {
    for (const [a, b] of directions(from, to, oneWay)) {
      this.#undo(`${a}>${b}`)
      this.#cuts.set(`${a}>${b}`, { kind, ...this.#cluster.wires.cut(a, b, kind) })
    }
  }

  #heal({ from, to }: Extract<FaultAction, { do: 'heal' }>): void {
    const healed =
      from === undefined
        ? [...this.#cuts.keys()]
        : directions(from, to ?? [], false).map(([a, b]) => `${a}>${b}`)
    for (const direction of healed) this.#undo(direction)
  }

  #undo(direction: string): void {
    this.#cuts.get(direction)?.undo()
    this.#cuts.delete(direction)
  }

  #hit(action: Exclude<FaultAction, { do: 'cut' | 'heal' }>): void {
    const node = this.#cluster.nodes.get(action.node)
    if (node === undefined || node.isGone) {
      this.#cluster.tell(action.node, 'there is no such machine now')
      return
    }
    switch (action.do) {
      case 'kill':
        node.crash('process')
        break
      case 'power':
        node.crash('machine')
        break
      case 'wipe':
        node.crash('machine')
        node.platter.wipe()
        this.#cluster.forgetStamp(node.id)
        break
      case 'start':
        node.start()
        break
      case 'pause':
        if (node.hasProcess) node.host.freeze()
        break
      case 'continue':
        node.host.thaw()
        break
      case 'skew':
        node.host.jump(action.byMs - node.host.skewMs)
        break
      default:
        action satisfies never
    }
  }

  #change(action: MembershipAction): void {
    const cluster = this.#cluster
    if (this.#operator.isBusy) {
      this.#tell('refused: the outcome of the change before is not known yet')
      return
    }
    const told = (end: CallEnd<unknown>): void => {
      const { type } = end
      const why = type === 'failed' ? `refused: ${String(end.error)}` : 'decided'
      this.#tell(`${describeAction(action)}: ${why}`)
    }
    switch (action.do) {
      case 'join': {
        const machine = cluster.buildNewcomer(action.node)
        this.#operator.ask({ kind: 'join', member: memberOf(machine) }, machine, told)
        break
      }
      case 'replace': {
        const isLost = action.lost === true
        if (isLost) this.#lose(cluster.nodes.get(action.node))
        const machine = cluster.buildNewcomer(action.with)
        const member = memberOf(machine)
        const request = { kind: 'replace', old: action.node, member, isLost } as const
        this.#operator.ask(request, machine, told)
        break
      }
      case 'leave':
        this.#operator.ask({ kind: 'leave', node: action.node }, undefined, told)
        break
      case 'remove':
        this.#lose(cluster.nodes.get(action.node))
        this.#operator.ask({ kind: 'remove', node: action.node }, undefined, told)
        break
      case 'cancel': {
        const change = newestTopology(cluster.nodes.values())?.change
        if (change === undefined) this.#tell('no change of the members is under way')
        else this.#operator.cancel(change.id, told)
        break
      }
      default:
        action satisfies never
    }
  }

  #lose(node: SimulatedNode | undefined): void {
    if (node === undefined) return
    node.lose()
    this.#cluster.forgetStamp(node.id)
  }

  #tell(text: string): void {
    this.#cluster.tellAll(text)
  }
}

/** The nodes that the action names; empty if it concerns all nodes. */
function nodesHit(action: FaultAction | MembershipAction): readonly string[] {
  if ('node' in action) return [action.node]
  if (action.do === 'cancel') return []
  return [...(action.from ?? []), ...(action.to ?? [])]
}

function directions(
  from: readonly string[],
  to: readonly string[],
  oneWay: boolean,
): [from: string, to: string][] {
  return from.flatMap((a) =>
    to.flatMap((b): [string, string][] =>
      oneWay
        ? [[a, b]]
        : [
            [a, b],
            [b, a],
          ],
    ),
  )
}
