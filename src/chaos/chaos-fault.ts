/**
 * A fault as data: the parsed command, before anything is done. Pure: the nodes are an argument.
 *
 * Invariant: a fault determines for every ordered pair of nodes whether the first still reaches the second, so that its
 * effect can be probed.
 */
import { parseDuration } from '../command-line/duration.ts'
import { checkWords } from '../command-line/parse-command.ts'
import { UsageError } from '../command-line/usage-error.ts'
import { FAULT_COMMANDS, type FaultCommand } from './fault-commands.ts'
import type { FileDamage } from './file-damage.ts'

export type Fault = NetworkFault | ProcessFault | FileFault | ClockFault

export type NetworkFault =
  /** Two nodes without a common group are cut from each other. A node in several groups is a bridge. */
  | { readonly type: 'groups'; readonly groups: readonly (readonly string[])[] }
  | { readonly type: 'links'; readonly links: readonly Link[] }

/** `from` does not reach `to`, or loses a part of its messages. */
export interface Link {
  readonly from: string
  readonly to: string
  /** 1 to 100; 100 is a cut. */
  readonly lossPercent: number
  /** The link alternates between lossy and whole in periods of this length; undefined: always lossy. */
  readonly turnMs?: number
}

export interface ProcessFault {
  readonly type: 'kill' | 'pause' | 'restart'
  readonly node: string
}

/** The node is killed, and one of its files is damaged (file-damage.ts) before it is started again. */
export interface FileFault {
  readonly type: FileDamage
  readonly node: string
}

/** The wall clock of the node jumps by the offset, and jumps back at the end. */
export interface ClockFault {
  readonly type: 'skew'
  readonly node: string
  readonly offsetMs: number
}

const CUT_PERCENT = 100
const FLAP_TURN_MS = 1000
const SKEW_MS_MAX = 24 * 60 * 60 * 1000

/** Throws UsageError. `words` are the command and its arguments. */
export function parseFault(words: readonly string[], nodes: readonly string[]): Fault {
  const [command, ...rest] = checkWords({ subcommands: FAULT_COMMANDS }, words) as [
    FaultCommand,
    ...string[],
  ]
  const known = (id: string | undefined): string => {
    if (id !== undefined && nodes.includes(id)) return id
    throw new UsageError(`there is no node ${id}; the nodes are ${nodes.join(', ')}`)
  }
  const needNodes = (count: number): void => {
    if (nodes.length < count) {
      throw new UsageError(`${command} needs ${count} nodes or more`)
    }
  }
  switch (command) {
    case 'partition':
      needNodes(2)
      return { type: 'groups', groups: parseGroups(rest[0] as string, nodes, known) }
    case 'isolate': {
      const alone = known(rest[0])
      needNodes(2)
      return { type: 'groups', groups: [nodes.filter((id) => id !== alone), [alone]] }
    }
    case 'bridge': {
      const middle = known(rest[0])
      needNodes(3)
      const [left, right] = halves(nodes.filter((id) => id !== middle))
      return {
        type: 'groups',
        groups: [
          [...left, middle],
          [middle, ...right],
        ],
      }
    }
    case 'ring':
      needNodes(3)
      return { type: 'links', links: ringCuts(nodes) }
    case 'cut':
    case 'oneway':
      return {
        type: 'links',
        links: pairLinks(known(rest[0]), known(rest[1]), CUT_PERCENT, command === 'cut'),
      }
    case 'loss':
      return {
        type: 'links',
        links: pairLinks(known(rest[0]), known(rest[1]), Number.parseInt(rest[2] ?? '', 10), true),
      }
    case 'kill':
    case 'pause':
    case 'restart':
    case 'bitflip':
    case 'truncate':
      return { type: command, node: known(rest[0]) }
    case 'flap': {
      const links = pairLinks(known(rest[0]), known(rest[1]), CUT_PERCENT, true)
      return { type: 'links', links: links.map((link) => ({ ...link, turnMs: FLAP_TURN_MS })) }
    }
    case 'skew':
      return { type: 'skew', node: known(rest[0]), offsetMs: parseOffset(rest[1]) }
    default:
      return command satisfies never
  }
}

/** Which percentage of the messages from `from` to `to` is lost: 0 for a pair that the fault does not affect. */
export function lossPercent(fault: NetworkFault, from: string, to: string): number {
  if (fault.type === 'links') return linkOf(fault, from, to)?.lossPercent ?? 0
  const shared = fault.groups.some((group) => group.includes(from) && group.includes(to))
  return shared ? 0 : CUT_PERCENT
}

/** The period of a flapping link; undefined if the link does not flap. */
export function turnMs(fault: NetworkFault, from: string, to: string): number | undefined {
  return fault.type === 'links' ? linkOf(fault, from, to)?.turnMs : undefined
}

/** Every ordered pair of different nodes. */
export function* orderedPairs(nodes: readonly string[]): Generator<[from: string, to: string]> {
  for (const from of nodes) for (const to of nodes) if (from !== to) yield [from, to]
}

function linkOf({ links }: { readonly links: readonly Link[] }, from: string, to: string) {
  return links.find((link) => link.from === from && link.to === to)
}

function parseGroups(
  text: string,
  nodes: readonly string[],
  known: (id: string) => string,
): (readonly string[])[] {
  if (text === 'halves') return halves(nodes)
  const groups = text.split('/').map((group) => group.split(',').map((id) => known(id.trim())))
  const named = groups.flat()
  const twice = named.find((id, i) => named.indexOf(id) !== i)
  if (twice !== undefined) throw new UsageError(`${twice} is in two groups`)
  const rest = nodes.filter((id) => !named.includes(id))
  if (rest.length > 0) groups.push(rest)
  if (groups.length < 2) throw new UsageError('a partition has two groups or more')
  return groups
}

/** The smaller half comes first: five nodes give two and three. */
function halves(nodes: readonly string[]): [string[], string[]] {
  const middle = Math.floor(nodes.length / 2)
  return [nodes.slice(0, middle), nodes.slice(middle)]
}

/**
 * Each node reaches a majority, itself included: its nearest neighbours on a ring. No two nodes reach the same
 * majority. On a ring of three every node neighbours every other, so one link is cut instead.
 */
function ringCuts(nodes: readonly string[]): Link[] {
  const count = nodes.length
  if (count === 3) return pairLinks(nodes[0] as string, nodes[2] as string, CUT_PERCENT, true)
  const reach = Math.ceil((Math.floor(count / 2) + 1 - 1) / 2)
  const distance = (a: string, b: string): number => {
    const apart = Math.abs(nodes.indexOf(a) - nodes.indexOf(b))
    return Math.min(apart, count - apart)
  }
  return [...orderedPairs(nodes)]
    .filter(([from, to]) => distance(from, to) > reach)
    .map(([from, to]) => ({ from, to, lossPercent: CUT_PERCENT }))
}

function pairLinks(from: string, to: string, percent: number, bothWays: boolean): Link[] {
  if (from === to) throw new UsageError(`${from} has no link to itself`)
  const there = { from, to, lossPercent: percent }
  return bothWays ? [there, { from: to, to: from, lossPercent: percent }] : [there]
}

function parseOffset(text = ''): number {
  const ms = /^[+-]/.test(text) ? parseDuration(text.slice(1)) : undefined
  if (ms !== undefined && ms >= 1 && ms <= SKEW_MS_MAX) return text.startsWith('-') ? -ms : ms
  throw new UsageError(
    `OFFSET ${text}: must be an offset such as +300s, -500ms or +2h, at most 24h`,
  )
}
