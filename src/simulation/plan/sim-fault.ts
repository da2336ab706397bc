/** The faults of a simulated world as data: which fault, on which nodes, from when to when. */
import type { SeededRandom } from '../../random/seeded-random.ts'
import type { CutKind } from '../world/wires.ts'

export const FAULT_KINDS = [
  'partition',
  'isolate',
  'oneway',
  'bridge',
  'ring',
  'flap',
  'loss',
  'duplicate',
  'reorder',
  'delay',
  'kill',
  'power',
  'blackout',
  'restart',
  'pause',
  'skew',
  'drift',
  'full',
  'slow',
  'io-error',
  'rot',
  'lost-data',
  'old-data',
  'lost-quorum',
] as const
/** Changes of the members. They are no faults of the world, and not part of `mix`. */
export const MEMBERSHIP = 'membership'
/**
 * A disk that does not answer for a long while, and then continues. Not part of `mix`, so that recorded runs stay the
 * same.
 */
export const STALL = 'stall'
/** A restart with the other version of the protocol. Not part of `mix` either. */
export const UPGRADE = 'upgrade'
/**
 * All clocks are wrong together, and then right. Not part of `mix` either, because it moves the time of the cluster.
 */
export const SKEW_ALL = 'skew-all'
/** A second living process with the id of a member (twin.ts). Not part of `mix` either. */
export const TWIN = 'twin'
/** A node comes back with the directory of another node, or with an older copy of its own. Not part of `mix` either. */
export const SWAP = 'swap'
/** Faults that must be requested by name, besides `mix` or alone. */
export const BESIDE_MIX = [MEMBERSHIP, UPGRADE, STALL, SKEW_ALL, TWIN, SWAP] as const
export type FaultKind = (typeof FAULT_KINDS)[number] | (typeof BESIDE_MIX)[number]

export interface Fault {
  readonly kind: FaultKind
  readonly startMs: number
  readonly endMs: number
  /** The nodes that it hits, the most important first. For cuts, the groups follow from this order. */
  readonly nodes: readonly string[]
  readonly cut: CutKind
  /** How strong it is, from 0 to 99. */
  readonly strength: number
}

/** The fault that starts at about `startSeconds`. */
export function faultNumber(
  random: SeededRandom,
  kinds: readonly FaultKind[],
  ids: readonly string[],
  startSeconds: number,
): Fault {
  const kind = kinds[random.below(kinds.length)] as FaultKind
  const startMs = startSeconds * 1000 + random.below(3000)
  const shortMs = random.chance(20) ? 5000 + random.below(25_000) : 500 + random.below(8000)
  const longMs = kind === STALL ? 10_000 + random.below(50_000) : undefined
  const twinMs = kind === TWIN ? 4000 + random.below(25_000) : undefined
  const lastsMs = longMs ?? twinMs ?? shortMs
  return {
    kind,
    startMs,
    endMs: startMs + lastsMs,
    nodes: random.shuffled(ids),
    cut: random.pick(['reset', 'mute', 'hold']),
    strength: random.below(100),
  }
}

/** The time between two machines when all clocks jump is this times the strength: at most 2 s in total for five. */
export const COMMON_JUMP_STEP_MS = 4
/** All clocks are wrong together for at least this long, so that each node has told the others its time. */
const COMMON_JUMP_TOLD_MS = 2000

/**
 * Whether a fault of all clocks reaches all of them, and the nodes have told each other their time, before the fault or
 * the run ends. Otherwise only a minority would be far ahead, and would rightly take no writes for far longer than the
 * cluster gets to come to rest.
 */
export function skewsAll({ startMs, endMs, nodes, strength }: Fault, runMs: number): boolean {
  const spreadMs = (nodes.length - 1) * strength * COMMON_JUMP_STEP_MS
  return startMs + spreadMs + COMMON_JUMP_TOLD_MS <= Math.min(endMs, runMs)
}

/** The change of the members that is requested at about `startSeconds`. */
export function membershipNumber(
  random: SeededRandom,
  ids: readonly string[],
  startSeconds: number,
): Fault {
  const startMs = startSeconds * 1000 + random.below(5000)
  const common = { kind: MEMBERSHIP, startMs, endMs: startMs, cut: 'reset' } as const
  return { ...common, nodes: random.shuffled(ids), strength: random.below(100) }
}

/** The ordered pairs of nodes that a cut separates. */
export function cutPairs({
  kind,
  nodes,
}: Pick<Fault, 'kind' | 'nodes'>): [from: string, to: string][] {
  const both = (a: string, b: string): [string, string][] => [
    [a, b],
    [b, a],
  ]
  const between = (left: readonly string[], right: readonly string[]): [string, string][] =>
    left.flatMap((a) => right.flatMap((b) => both(a, b)))
  const [first = '', second = ''] = nodes
  const half = Math.floor(nodes.length / 2)
  switch (kind) {
    case 'partition':
      return between(nodes.slice(0, half), nodes.slice(half))
    case 'isolate':
      return between([first], nodes.slice(1))
    case 'oneway':
      return [[first, second]]
    case 'bridge':
      // The first node reaches all others; these reach only their own side.
      return between(nodes.slice(1, half + 1), nodes.slice(half + 1))
    case 'ring':
      // Each node reaches its neighbours on a ring: a majority of five, and no two nodes the same majority.
      return nodes.flatMap((a, i) =>
        nodes.flatMap((b, j) => {
          const apart = Math.min(
            (i - j + nodes.length) % nodes.length,
            (j - i + nodes.length) % nodes.length,
          )
          return apart > 1 ? [[a, b] as [string, string]] : []
        }),
      )
    case 'flap':
      return both(first, second)
    default:
      return []
  }
}

/** Whether a swap gives a node an older copy of its own directory, not the directory of another node. */
export function hasOwnCopy({ strength }: Pick<Fault, 'strength'>): boolean {
  return strength >= 40
}

export function describeFault({ kind, nodes, cut, strength, startMs, endMs }: Fault): string {
  const [first = '', second = '', third = ''] = nodes
  const half = Math.floor(nodes.length / 2)
  const forMs = `for ${((endMs - startMs) / 1000).toFixed(1)} s`
  switch (kind) {
    case 'partition':
      return `partition ${nodes.slice(0, half).join(',')} / ${nodes.slice(half).join(',')} (${cut}) ${forMs}`
    case 'isolate':
      return `isolate ${first} (${cut}) ${forMs}`
    case 'oneway':
      return `cut ${first} -> ${second} (${cut}) ${forMs}`
    case 'bridge':
      return `bridge ${first}: ${nodes.slice(1, half + 1).join(',')} / ${nodes.slice(half + 1).join(',')} (${cut}) ${forMs}`
    case 'ring':
      return `ring ${nodes.join(',')} (${cut}) ${forMs}`
    case 'flap':
      return `flap ${first} ${second} (${cut}) ${forMs}`
    case 'kill':
    case 'power':
    case 'restart':
    case UPGRADE:
    case 'pause':
    case 'full':
    case 'slow':
    case STALL:
    case 'lost-data':
    case 'old-data':
      return `${kind} ${first} ${forMs}`
    case 'lost-quorum':
      return `isolate ${second}, lose the data of ${first}, then isolate ${third} ${forMs}`
    case 'rot':
      return `rot ${first}`
    case SKEW_ALL:
      return `skew all clocks strength ${strength} ${forMs}`
    case TWIN:
      return `a twin of ${first} with an empty directory ${forMs}`
    case SWAP:
      return hasOwnCopy({ strength })
        ? `an older copy of its directory for ${first} ${forMs}`
        : `swap the directories of ${first} and ${second} ${forMs}`
    case MEMBERSHIP:
      return 'a change of the members'
    default:
      return `${kind} ${first} strength ${strength} ${forMs}`
  }
}
