/** The invariants of every topology document. */
import { assert } from '../assert.ts'
import { labelOf } from './bucket-name.ts'
import { PARTITION_COUNT, type Topology, VOTERS_MAX } from './topology.ts'

/** Throws an AssertionError if one is broken. */
export function checkTopology({
  members,
  voters,
  preference,
  change,
  lost = [],
  epoch,
  placementVersion,
  buckets,
  lastDeletion = 0,
  deletion,
  tokens = [],
}: Topology): void {
  const ids = new Set(members.map(({ id }) => id))
  assert(ids.size === members.length && ids.size > 0, 'each member is there once')
  assert(placementVersion <= epoch, 'a placement is not newer than its document')
  assert(lastDeletion <= epoch, 'a deletion is not newer than its document')
  const labels = new Set(buckets.map(({ name }) => labelOf(name)))
  assert(labels.size === buckets.length, 'no two buckets have the same label')
  assert(
    deletion === undefined || buckets.some(({ name }) => name === deletion.bucket),
    'a bucket exists until its deletion is over',
  )
  assert(new Set(voters).size === voters.length, 'each voter is there once')
  assert(voters.length > 0 && voters.length <= VOTERS_MAX, 'there are voters, and not too many')
  assert(
    voters.every((id) => ids.has(id)),
    'voters are members',
  )
  checkLists(preference, members.length)
  assert(new Set(lost).size === lost.length, 'each lost member is there once')
  for (const ids of [tokens.map(({ name }) => name), tokens.map(({ hash }) => hash)]) {
    assert(new Set(ids).size === tokens.length, 'no two tokens have the same name or hash')
  }
  if (change === undefined) return
  assert(
    change.done.every((id) => ids.has(id)),
    'only members report a part as done',
  )
  for (const id of [change.joining, change.leaving]) {
    // A lost member is removed with the last document of its change, and is a member until then.
    assert(id === null || ids.has(id), () => `${id} is a member during its change`)
  }
  if (change.phase !== 'emptying') checkLists(change.other, members.length)
}

function checkLists(lists: Topology['preference'], count: number): void {
  assert(lists.length === PARTITION_COUNT, 'there is a list for each data partition')
  for (const list of lists) {
    const isWhole = list.length === count && new Set(list).size === count
    assert(isWhole && list.every((i) => i >= 0 && i < count), 'a list has each member once')
  }
}
