/**
 * A second living process with the id of a member, at another address and with an empty directory. Some members reach
 * only the first process, some only the second, and some reach both.
 *
 * In the end an operator stops both. Each may have acknowledged writes that only its own directory has, so one
 * directory is served alone until the other members have all that it holds; then the other directory takes its place
 * for good.
 */
import type { Fault } from '../plan/sim-fault.ts'
import type { Schedule } from '../world/schedule.ts'
import type { SimulatedNode } from '../world/simulated-node.ts'
import type { CutKind, Wires } from '../world/wires.ts'

/** A link that was silent for so long is closed. */
const SILENCE_US = 2_000_000
const LOOK_US = 500_000

export interface TwinParts {
  readonly schedule: Schedule
  readonly wires: Wires
  /** Makes a second machine of that node without starting it. Undefined if it cannot start with an empty directory. */
  readonly buildTwin: (id: string, address: string) => SimulatedNode | undefined
  readonly isMember: (node: string) => boolean
  readonly mayLoseData: (node: string, backup?: ReadonlyMap<string, Uint8Array>) => boolean
  readonly onDirectory: (node: string) => void
}

export class TwinNemesis {
  readonly #parts: TwinParts
  #twin: SimulatedNode | undefined
  #node: string | undefined
  #isSettling = false
  #count = 0

  constructor(parts: TwinParts) {
    this.#parts = parts
  }

  /** The machine of the second process, while it exists. */
  get machines(): readonly SimulatedNode[] {
    return this.#twin === undefined ? [] : [this.#twin]
  }

  /** Whether two directories of that node are in use. */
  isOf(node: string): boolean {
    return this.#node === node
  }

  /** Whether two directories of one node are in use. Meanwhile no other directory may be lost. */
  get isOn(): boolean {
    return this.#twin !== undefined || this.#isSettling
  }

  /** Undefined if no twin can begin. `end` calls `onOver` when only one directory is left. */
  begin(fault: Fault, node: SimulatedNode): { end(onOver: () => void): void } | undefined {
    const { buildTwin, mayLoseData, schedule, wires } = this.#parts
    const { strength, nodes, cut, startMs, endMs } = fault
    if (this.isOn || !mayLoseData(node.id)) return undefined
    const twin = buildTwin(node.id, `${node.id}.${++this.#count}`)
    if (twin === undefined) return undefined
    this.#twin = twin
    this.#node = node.id
    const others = nodes.slice(1)
    const taken = others.slice(0, 1 + (strength % others.length))
    const cutFromTwin = strength % 3 === 0 ? [] : others.slice(taken.length)
    for (const other of taken) wires.route(other, node.id, twin.address)
    let undoCuts: (() => void) | undefined
    let isOver = false
    const cutOff = (): void => {
      if (isOver) return
      undoCuts = this.#cut(
        [
          ...taken.map((other): [string, string] => [node.address, other]),
          ...cutFromTwin.map((other): [string, string] => [twin.address, other]),
        ],
        cut,
      )
    }
    const lastsUs = (endMs - startMs) * 1000
    if (strength % 5 < 3) cutOff()
    else schedule.after(lastsUs / 4, cutOff)
    schedule.after((lastsUs * 3) / 4, () => undoCuts?.())
    twin.start()
    return {
      end: (onOver) => {
        isOver = true
        undoCuts?.()
        for (const other of taken) wires.route(other, node.id, node.address)
        this.#settle(node, twin, strength % 7 < 3, onOver)
      },
    }
  }

  /** Cuts both directions between each pair of addresses. */
  #cut(pairs: readonly [string, string][], kind: CutKind): () => void {
    const { wires, schedule } = this.#parts
    const cuts = pairs.flatMap(([a, b]) => [wires.cut(a, b, kind), wires.cut(b, a, kind)])
    let isUndone = false
    schedule.after(SILENCE_US, () => {
      if (isUndone) return
      for (const [a, b] of pairs) wires.closeBetween(a, b)
    })
    return () => {
      isUndone = true
      for (const cut of cuts) cut.undo()
    }
  }

  #settle(node: SimulatedNode, twin: SimulatedNode, twinFirst: boolean, onOver: () => void): void {
    const { schedule, isMember, mayLoseData, onDirectory } = this.#parts
    this.#isSettling = true
    node.crash('process')
    twin.crash('process')
    const last = twinFirst ? node.platter.copy() : twin.platter.copy()
    if (twinFirst) {
      node.platter.restore(twin.platter.copy())
      onDirectory(node.id)
    }
    twin.lose()
    this.#twin = undefined
    node.start()
    const look = (): void => {
      this.#isSettling = false
      const isLeft = !isMember(node.id)
      if (isLeft || (node.isUp && mayLoseData(node.id, last))) {
        if (!isLeft) {
          node.crash('process')
          node.platter.restore(last)
          onDirectory(node.id)
          node.start()
        }
        this.#node = undefined
        onOver()
        return
      }
      this.#isSettling = true
      schedule.after(LOOK_US, look)
    }
    schedule.after(LOOK_US, look)
  }
}
