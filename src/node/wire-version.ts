/**
 * What nodes of the version before understand of what this one says, and the other way round, while a cluster is
 * upgraded one node after the other. Version 1 knew no changes of the members:
 *
 * - Strong keys had no generation (topology-keeper.ts). It is that of the first document as long as nobody has moved.
 * - All members voted on all documents, which were the value of one register. Votes of the two versions do not add up,
 *   so none is asked for or given across: the topology stays as it is until everybody is upgraded.
 * - What moves copies, or tells of moves, it does not know.
 *
 * Documents without voters are understood (`parseTopology`), and those with voters by version 1, which keeps them.
 */
import { type Topology, VOTERS_MAX } from '../core/placement/topology.ts'
import { VERSIONS } from '../core/protocol-versions.ts'
import { majority } from '../core/quorum/level.ts'
import type { Ask, AskKind } from './messages.ts'
import type { Refusal } from './replica.ts'

/** The generation of the first document, and of all until the members are changed. */
const FIRST_PLACEMENT = 1

const VOTES: ReadonlySet<string> = new Set<AskKind>(['prepare', 'accept', 'recall'])

const UNKNOWN_TO_1: ReadonlySet<string> = new Set<AskKind>([
  'stream',
  'took-over',
  'moves',
  'register-promised',
])

const WITH_GENERATION: ReadonlySet<string> = new Set<AskKind>([
  'register-prepare',
  'register-accept',
])

/** Bucket and key, which come before the generation. */
const KEY_FIELDS = 2

/** The ask as a node of that version reads it; undefined where it cannot be asked. `placedAt` is of our document. */
export function askFor(version: number, ask: Ask, placedAt: number): Ask | undefined {
  if (version > 1) return ask
  const [id, kind, deadlineMs, ...body] = ask
  if (placedAt !== FIRST_PLACEMENT || VOTES.has(kind) || UNKNOWN_TO_1.has(kind)) return undefined
  if (!WITH_GENERATION.has(kind)) return ask
  const [generation, ...rest] = body.slice(KEY_FIELDS)
  return generation === placedAt
    ? [id, kind, deadlineMs, ...body.slice(0, KEY_FIELDS), ...rest]
    : undefined
}

/** What a node of that version asks, as this one reads it, or why it is not answered. */
export function askFrom(version: number, ask: Ask, placedAt: number): Ask | Refusal {
  if (version > 1) return ask
  if (placedAt !== FIRST_PLACEMENT) return { code: 'not_ready', message: MOVED_ON }
  const [id, kind, deadlineMs, ...body] = ask
  if (VOTES.has(kind)) return { code: 'not_ready', message: VOTES_WAIT }
  if (!WITH_GENERATION.has(kind)) return ask
  const rest = body.slice(KEY_FIELDS)
  return [id, kind, deadlineMs, ...body.slice(0, KEY_FIELDS), placedAt, ...rest]
}

/** The oldest version that may be spoken under that document: a node that knows no moves can be no part of them. */
export function oldestSpoken({ placedAt }: Topology): number {
  return placedAt === FIRST_PLACEMENT ? VERSIONS.oldest : 2
}

/**
 * Why the topology cannot be changed by this node now; undefined where it can. `versionOf` gives what the link to a member
 * speaks, where it is open.
 */
export function whyNoChange(
  self: string,
  { members, placedAt }: Topology,
  versionOf: (member: string) => number | undefined,
): string | undefined {
  const others = members.map(({ id }) => id).filter((id) => id !== self)
  const old = others.filter((id) => versionOf(id) === 1)
  if (old.length > 0) {
    const who = `${self} and ${old.join(', ')} speak version 1 of the protocol with each other`
    return `${who}: the topology can be changed once every member is upgraded. ${DATA_GOES_ON}`
  }
  if (placedAt !== FIRST_PLACEMENT || members.length <= VOTERS_MAX) return undefined
  // There are members without a vote, who have one where a majority speaks version 1 alone. So it must be none.
  const upgraded = 1 + others.filter((id) => versionOf(id) !== undefined).length
  const unknown = members.length - upgraded
  if (unknown < majority(members.length)) return undefined
  const who = `${self} reaches ${upgraded} of ${members.length} members`
  return `${who}, and the others may be of a version in which they decide alone. ${DATA_GOES_ON}`
}

const DATA_GOES_ON = 'Reads and writes of data go on.'
const VOTES_WAIT = 'the topology can be changed once every member is upgraded'
const MOVED_ON =
  'the members have been changed: a node of version 1 of the protocol has to be upgraded'
