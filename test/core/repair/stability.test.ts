/**
 * The horizon against what has really happened, in a small world: members promise, compare copies pairwise and
 * gossip what they know; gossip is lost, late or doubled; members are started anew and join.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Stability } from '../../../src/core/repair/stability.ts'

const RUNS = { numRuns: 1000, seed: 20_261_123 }

const NAMES = ['n1', 'n2', 'n3', 'n4'] as const
type Entries = readonly (readonly [member: string, floor: number, settled: number])[]

type Turn =
  /** A member raises its promise. */
  | { readonly type: 'promise'; readonly at: number; readonly by: number }
  /** It begins to compare its copies with another's; what it will have taken over is fixed then. */
  | { readonly type: 'compare'; readonly at: number; readonly with: number }
  /** A comparison that was begun ends, any time later. */
  | { readonly type: 'finish'; readonly ago: number }
  | { readonly type: 'tell'; readonly at: number; readonly to: number }
  /** What was told once arrives, first or again. */
  | { readonly type: 'hear'; readonly ago: number }
  /** The process ends; what it has heard goes with it. */
  | { readonly type: 'restart'; readonly at: number }

/** How many messages, or comparisons, ago: mostly the last ones. */
const ago = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: 3 }) },
  { weight: 1, arbitrary: fc.nat() },
)

/** Turns of so many members; restarts among them, if any, are rare. */
function turnsOf(size: number, hasRestarts: boolean): fc.Arbitrary<Turn[]> {
  const at = fc.nat({ max: size - 1 })
  const usual: fc.Arbitrary<Turn>[] = [
    fc.record({ type: fc.constant('promise' as const), at, by: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ type: fc.constant('compare' as const), at, with: at }),
    fc.record({ type: fc.constant('finish' as const), ago }),
    fc.record({ type: fc.constant('tell' as const), at, to: at }),
    fc.record({ type: fc.constant('hear' as const), ago }),
  ]
  const restart: fc.Arbitrary<Turn> = fc.record({ type: fc.constant('restart' as const), at })
  return fc.array(
    fc.oneof(...usual.map((arbitrary) => ({ weight: 6, arbitrary })), {
      weight: hasRestarts ? 1 : 0,
      arbitrary: restart,
    }),
    { minLength: 40, maxLength: 150 },
  )
}

const runs = (hasRestarts: boolean): fc.Arbitrary<{ size: number; turns: Turn[] }> =>
  fc
    .integer({ min: 2, max: NAMES.length })
    .chain((size) => fc.record({ size: fc.constant(size), turns: turnsOf(size, hasRestarts) }))

class World {
  readonly #members: readonly string[]
  readonly #nodes: Stability[]
  readonly #lives: number[]
  /** What each has really promised. */
  readonly floors: number[]
  /** What each has really taken over from each other one, ever, and in the life that it is in. */
  readonly #ever: number[][]
  readonly #present: number[][]
  readonly #begun: { at: number; peer: number; until: number; life: number }[] = []
  readonly #told: { to: number; entries: Entries }[] = []

  constructor(size: number) {
    this.#members = NAMES.slice(0, size)
    this.#nodes = this.#members.map((self) => new Stability(self, this.#members))
    this.#lives = this.#members.map(() => 0)
    this.floors = this.#members.map(() => 0)
    this.#ever = this.#members.map(() => this.#members.map(() => 0))
    this.#present = this.#members.map(() => this.#members.map(() => 0))
  }

  horizons(): number[] {
    return this.#nodes.map((node) => node.horizon())
  }

  take(step: Turn): void {
    switch (step.type) {
      case 'promise':
        this.#promise(step.at, step.by)
        break
      case 'compare':
        this.#compare(step.at, step.with)
        break
      case 'finish':
        this.#finish(step.ago)
        break
      case 'tell':
        this.#told.push({ to: step.to, entries: [...this.#node(step.at).entries()] })
        break
      case 'hear': {
        const message = this.#told.at(-1 - (step.ago % this.#told.length))
        if (message !== undefined) this.#hear(message.to, message.entries)
        break
      }
      case 'restart':
        this.#nodes[step.at] = new Stability(this.#members[step.at] as string, this.#members)
        this.#lives[step.at] = (this.#lives[step.at] as number) + 1
        this.#present[step.at] = this.#members.map(() => 0)
        // It goes on from the promise that it gave: its clock does not go back.
        this.#learnOwnFloor(step.at)
        break
      default:
        step satisfies never
    }
  }

  /** Everybody promises, tells and compares with everybody. */
  settle(): void {
    const all = this.#members.map((_, i) => i)
    const tellAll = (): void => {
      for (const at of all) for (const to of all) this.#hear(to, [...this.#node(at).entries()])
    }
    for (const at of all) this.#promise(at, 10)
    tellAll()
    for (const at of all) {
      for (const peer of all) {
        this.#compare(at, peer)
        this.#finish(0)
      }
    }
    tellAll()
  }

  /** Everything below this is promised by all and, by everybody, taken over from everybody. */
  settledFor(at: number): number {
    const held = this.#members.flatMap((_, owner) =>
      // Of the others what is on their disks counts; of itself only what it has seen in this life.
      this.#others(owner).map((peer) => (owner === at ? this.#present : this.#ever)[owner]?.[peer]),
    )
    return Math.min(...this.floors, ...(held as number[]))
  }

  #promise(at: number, by: number): void {
    this.floors[at] = (this.floors[at] as number) + by
    this.#learnOwnFloor(at)
  }

  #learnOwnFloor(at: number): void {
    this.#node(at).learn(this.#members[at] as string, this.floors[at] as number, 0)
  }

  #compare(at: number, peer: number): void {
    if (at === peer) return
    const until = this.#node(at).quietUntil()
    this.#begun.push({ at, peer, until, life: this.#lives[at] as number })
  }

  #finish(ago: number): void {
    const comparison = this.#begun.at(-1 - (ago % this.#begun.length))
    if (comparison === undefined) return
    const { at, peer, until, life } = comparison
    // A process that has ended finishes nothing.
    if (this.#lives[at] !== life) return
    this.#node(at).tookOver(this.#members[peer] as string, until)
    for (const table of [this.#ever, this.#present]) {
      const row = table[at] as number[]
      row[peer] = Math.max(row[peer] as number, until)
    }
  }

  #hear(to: number, entries: Entries): void {
    for (const [name, floor, settled] of entries) this.#node(to).learn(name, floor, settled)
  }

  #node(at: number): Stability {
    return this.#nodes[at] as Stability
  }

  #others(of: number): number[] {
    return this.#members.map((_, i) => i).filter((i) => i !== of)
  }
}

describe('horizon of a cluster', () => {
  it('is never above what all have promised and everybody has taken over', () => {
    fc.assert(
      fc.property(runs(true), ({ size, turns }) => {
        const world = new World(size)
        for (const step of turns) {
          world.take(step)
          world.horizons().forEach((horizon, at) => {
            expect(horizon).toBeLessThanOrEqual(world.settledFor(at))
          })
        }
      }),
      RUNS,
    )
  })

  it('never goes back while a process lives', () => {
    fc.assert(
      fc.property(runs(false), ({ size, turns }) => {
        const world = new World(size)
        let before = world.horizons()
        for (const step of turns) {
          world.take(step)
          const after = world.horizons()
          after.forEach((horizon, at) => {
            expect(horizon).toBeGreaterThanOrEqual(before[at] as number)
          })
          before = after
        }
      }),
      RUNS,
    )
  })

  it('follows as soon as everybody has promised, compared and told, whatever went before', () => {
    fc.assert(
      fc.property(runs(true), ({ size, turns }) => {
        const world = new World(size)
        for (const step of turns) world.take(step)
        world.settle()
        for (const horizon of world.horizons()) expect(horizon).toBe(Math.min(...world.floors))
      }),
      RUNS,
    )
  })
})

describe('members of a cluster', () => {
  /** What one node knows once both others have settled that far. */
  const settled = (until: number): Stability => {
    const node = new Stability('n1', ['n1', 'n2', 'n3'])
    for (const name of ['n1', 'n2', 'n3']) node.learn(name, until, until)
    for (const peer of ['n2', 'n3']) node.tookOver(peer, until)
    return node
  }

  it('hold the horizon back while they are down', () => {
    const node = settled(10)
    expect(node.horizon()).toBe(10)
    for (const name of ['n1', 'n2']) node.learn(name, 20, 20)
    expect(node.quietUntil()).toBe(10)
    node.tookOver('n2', node.quietUntil())
    expect(node.horizon()).toBe(10)
  })

  it('hold it back from the moment at which they are new, until they have settled too', () => {
    const node = settled(10)
    node.setMembers(['n1', 'n2', 'n3', 'n4'])
    expect(node.horizon()).toBe(0)
    expect(node.quietUntil()).toBe(0)
    node.learn('n4', 10, 0)
    expect(node.quietUntil()).toBe(10)
    expect(node.horizon()).toBe(0)
  })

  it('do so also where the new one has settled, and this node has not taken over from it', () => {
    const node = settled(10)
    node.setMembers(['n1', 'n2', 'n3', 'n4'])
    node.learn('n4', 10, 10)
    expect(node.horizon()).toBe(0)
    node.tookOver('n4', node.quietUntil())
    expect(node.horizon()).toBe(10)
  })

  it('no longer hold it back once they are removed', () => {
    const node = settled(10)
    for (const name of ['n1', 'n2']) node.learn(name, 20, 20)
    node.setMembers(['n1', 'n2'])
    node.tookOver('n2', node.quietUntil())
    expect(node.horizon()).toBe(20)
  })

  it('are told of with what is known of them, 0 where that is nothing', () => {
    const node = new Stability('n1', ['n1', 'n2', 'n3'])
    node.learn('n2', 7, 5)
    node.learn('stranger', 9, 9)
    expect([...node.entries()]).toEqual([
      ['n1', 0, 0],
      ['n2', 7, 5],
      ['n3', 0, 0],
    ])
  })

  it('know best themselves what they have settled', () => {
    const node = new Stability('n1', ['n1', 'n2'])
    // An earlier life of this node had settled so far; what it held then may be lost.
    node.learn('n1', 10, 10)
    node.learn('n2', 10, 10)
    expect(node.horizon()).toBe(0)
    node.tookOver('n2', 10)
    expect(node.horizon()).toBe(10)
  })

  it('alone have nobody to wait for', () => {
    const node = new Stability('n1', ['n1'])
    node.learn('n1', 10, 0)
    expect(node.quietUntil()).toBe(10)
    expect(node.horizon()).toBe(10)
  })
})
