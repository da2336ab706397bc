/**
 * A change of the members, as part of the topology document: who comes, who goes, and how far the move of the copies
 * has come. Each step is a document of its own, decided by the voters; every member does its own part of a step when
 * it sees it, and reports it by proposing the next document. So whoever dies, a change goes on when its part returns.
 *
 * 1. *moving*: `preference` is still in force, `other` is what it will become. Where the owners of a key differ, its
 *    requests need a quorum of both. A member that gains copies takes over what every old owner holds.
 * 2. *releasing*: `preference` is the new placement, `other` the one before. Those that lose copies are asked no more;
 *    they wait until a majority of the new owners has taken over what they hold once more.
 * 3. *emptying*: the member that leaves, or would have joined and does not, gives up what it holds, its hints delivered;
 *    then it is none.
 */
export type ChangeKind = 'join' | 'leave' | 'replace' | 'remove'

export interface MemberChange {
  /** The epoch of the document that began it. */
  readonly id: number
  readonly kind: ChangeKind
  /** Who comes: a member from the first document of the change on. Null where nobody does. */
  readonly joining: string | null
  /** Who goes: a member up to the last document of the change. Null where nobody does. */
  readonly leaving: string | null
  /** Nobody waits for the one who leaves: its disk is gone, or will never come back. */
  readonly isLost: boolean
  readonly phase: 'moving' | 'releasing' | 'emptying'
  /** Of the form of `Topology.preference`: while moving, the placement to come; later the one before. */
  readonly other: readonly (readonly number[])[]
  /** Members that have done their part of the phase. */
  readonly done: readonly string[]
}
