/** Composes the deletion of buckets: who decides it, whether a bucket is empty, and what is dropped afterwards. */
import { BucketContents } from './buckets/bucket-contents.ts'
import { BucketDeletion } from './buckets/bucket-deletion.ts'
import { DeletedBuckets } from './buckets/deleted-buckets.ts'
import type { NodeCluster } from './cluster-composition.ts'
import type { NodeRequests } from './request-composition.ts'
import type { NodeStorage } from './storage-composition.ts'

export interface NodeBuckets {
  readonly contents: BucketContents
  readonly deletion: BucketDeletion
  readonly deleted: DeletedBuckets
}

export function composeBuckets(
  { ports, commits, table, indexes, clock, hints }: NodeStorage,
  { keeper, peers, register, versions, members }: NodeCluster,
  { acceptor }: NodeRequests,
  self: string,
): NodeBuckets {
  const contents = new BucketContents(ports, { keeper, hints, commits, indexes, clock })
  const mayBeOld = (): string[] => versions.mayBeOld(members(), members())
  const deletion = new BucketDeletion(ports, {
    self,
    keeper,
    register,
    peers,
    clock,
    contents,
    mayBeOld,
  })
  const deleted = new DeletedBuckets(ports, {
    keeper,
    table,
    commits,
    indexes,
    hints,
    dropPromises: (isDeleted) => acceptor.dropBuckets(isDeleted),
  })
  return { contents, deletion, deleted }
}
