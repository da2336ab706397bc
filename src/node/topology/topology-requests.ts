/**
 * The requests that change the topology document, other than changes of the members: new buckets, the random id of the
 * cluster, and the session key.
 */
import { assert } from '../../core/assert.ts'
import { QuorateError } from '../../core/errors.ts'
import { asLabelled, labelOf, newBucketName } from '../../core/placement/bucket-name.ts'
import type { Bucket, Topology } from '../../core/placement/topology.ts'
import type { Founding } from '../service/service.ts'
import type { TopologyRegister } from './topology-register.ts'

/**
 * The topology document holds all buckets, about 100 bytes each. Every node stores it, and receives all of it at each
 * change while requests of the earlier epoch wait. So do not create a bucket for each user; use a key prefix.
 */
export const BUCKETS_MAX = 1000

/**
 * Adds the id and the session key to the document if they are missing, and returns those in force. They never change.
 */
export async function foundCluster(
  register: TopologyRegister,
  candidates: Founding,
  timeoutMs: number,
): Promise<Founding> {
  const { identity, sessionKey } = await register.change(
    (current) =>
      current.identity === undefined || current.sessionKey === undefined
        ? { ...candidates, ...current, epoch: current.epoch + 1 }
        : undefined,
    timeoutMs,
  )
  assert(identity !== undefined && sessionKey !== undefined, 'a decided document has both')
  return { identity, sessionKey }
}

/**
 * Adds a bucket to the topology document. `bucket` and the result have a label as their name. `created` is false if the
 * same bucket already exists.
 */
export async function createBucket(
  register: TopologyRegister,
  bucket: Bucket,
  timeoutMs: number,
): Promise<{ created: boolean; bucket: Bucket }> {
  let created = false
  const topology = await register.change((current) => {
    // This function may run again on a newer document, so it sets `created` each time.
    const known = labelled(current, bucket.name)
    created = known === undefined
    if (known === undefined) {
      refuseTooWide(current, bucket)
      refuseWhileMoving(current, bucket)
      refuseTooMany(current, bucket)
      const added = { ...bucket, name: newBucketName(current, bucket.name) }
      const buckets = [...current.buckets, added].sort((a, b) => (a.name < b.name ? -1 : 1))
      return { ...current, epoch: current.epoch + 1, buckets }
    }
    refuseOther(known, bucket)
    return undefined
  }, timeoutMs)
  return { created, bucket: labelled(topology, bucket.name) ?? bucket }
}

/** The bucket with that label, as clients know it. */
function labelled({ buckets }: Topology, label: string): Bucket | undefined {
  const bucket = buckets.find(({ name }) => labelOf(name) === label)
  return bucket && asLabelled(bucket)
}

/** Throws bad_parameter. A member that leaves does not count: after the change a bucket would have too few owners. */
function refuseTooWide({ members, change }: Topology, { n }: Bucket): void {
  const staying = members.filter(({ id }) => id !== change?.leaving).length
  if (n <= staying) return
  const which = staying === members.length ? 'members' : 'members that stay'
  throw new QuorateError('bad_parameter', `n=${n} is more than the ${staying} ${which}`)
}

/**
 * Throws change_under_way. The next owners have begun to take over copies for the replica counts that existed then.
 * They would keep nothing of another replica count, and would never finish comparing.
 */
function refuseWhileMoving({ buckets, change }: Topology, { name, n }: Bucket): void {
  if (change?.phase !== 'moving' || buckets.some((known) => known.n === n)) return
  const what = `no bucket has n=${n} yet, and copies are being moved: create ${name} after the move`
  throw new QuorateError('change_under_way', what, { retryAfterSeconds: 5 })
}

function refuseOther(known: Bucket, wanted: Bucket): void {
  const differing = (Object.keys(known) as (keyof Bucket)[]).filter((k) => known[k] !== wanted[k])
  if (differing.length === 0) return
  const words = differing.map((k) => `${k} is ${String(known[k])}, not ${String(wanted[k])}`)
  throw new QuorateError('bucket_conflict', `the bucket ${known.name} exists: ${words.join('; ')}`)
}

/** Throws limit_reached (`BUCKETS_MAX`). */
function refuseTooMany({ buckets }: Topology, { name }: Bucket): void {
  if (buckets.length < BUCKETS_MAX) return
  throw new QuorateError(
    'limit_reached',
    `a cluster may have at most ${BUCKETS_MAX} buckets, so ${name} cannot be created: ` +
      'use one bucket, with prefixes in its keys',
  )
}
