/**
 * A change of the members, as part of the topology document: the joining member, the leaving member, and the progress
 * of the move. Each step is a document of its own, decided by the voters. A member does its own part of a step when it
 * sees the document, and reports it by proposing the next one. So if a member dies, the change continues when that
 * member returns.
 *
 * 1. *moving*: `preference` is still in force, and `other` is the placement to come. If the owners of a key differ, its
 * requests need a quorum of both. A member that gains copies takes over the copies of every old owner.
 * 2. *releasing*: `preference` is the new placement, and `other` the old one. Members that lose copies get no more
 * requests. They wait until a majority of the new owners has taken over their copies once more.
 * 3. *emptying*: the leaving member, or the joining one of a cancelled change, delivers its hints and removes its data.
 * Then it is no longer a member.
 */
export type ChangeKind = 'join' | 'leave' | 'replace' | 'remove'

export interface MemberChange {
  /** The epoch of the document that began the change. */
  readonly id: number
  readonly kind: ChangeKind
  /** The joining member. It is a member from the first document of the change on. Null if none joins. */
  readonly joining: string | null
  /** The leaving member. It is a member up to the last document of the change. Null if none leaves. */
  readonly leaving: string | null
  /** Whether nobody waits for the leaving member, because its disk is lost. */
  readonly isLost: boolean
  readonly phase: 'moving' | 'releasing' | 'emptying'
  /** In the form of `Topology.preference`. While moving: the placement to come. Later: the placement before. */
  readonly other: readonly (readonly number[])[]
  /** Members that have done their part of the phase. */
  readonly done: readonly string[]
}
