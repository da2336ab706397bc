/** What is asked of the topology document beside changes of the members: new buckets, and the key of sessions. */
import { assert } from '../core/assert.ts'
import { QuorateError } from '../core/errors.ts'
import type { Bucket, Topology } from '../core/placement/topology.ts'
import type { TopologyKeeper } from './topology-keeper.ts'
import type { TopologyRegister } from './topology-register.ts'

/** Adds the key to the topology document, where there is none. */
export async function agreeOnSessionKey(
  register: TopologyRegister,
  candidate: string,
  timeoutMs: number,
): Promise<string> {
  const { sessionKey } = await register.change(
    (current) =>
      current.sessionKey === undefined
        ? { ...current, epoch: current.epoch + 1, sessionKey: candidate }
        : undefined,
    timeoutMs,
  )
  assert(sessionKey !== undefined, 'a decided document has the key')
  return sessionKey
}

/** Adds a bucket to the topology document; `created: false` where the same one is there. */
export async function createBucket(
  keeper: TopologyKeeper,
  register: TopologyRegister,
  bucket: Bucket,
  timeoutMs: number,
): Promise<{ created: boolean; bucket: Bucket }> {
  const { members } = keeper.topology
  if (bucket.n > members.length) {
    throw new QuorateError(
      'bad_parameter',
      `n=${bucket.n} is more than the ${members.length} members`,
    )
  }
  let created = false
  const topology = await register.change((current) => {
    const known = current.buckets.find(({ name }) => name === bucket.name)
    created = known === undefined
    if (known === undefined) {
      refuseWhileMoving(current, bucket)
      const buckets = [...current.buckets, bucket].sort((a, b) => (a.name < b.name ? -1 : 1))
      return { ...current, epoch: current.epoch + 1, buckets }
    }
    refuseOther(known, bucket)
    return undefined
  }, timeoutMs)
  const decided = topology.buckets.find(({ name }) => name === bucket.name)
  return { created, bucket: decided ?? bucket }
}

/**
 * Throws change_under_way. Whoever gains copies has begun to take over those of the numbers of copies that there were:
 * of another one it would keep nothing, and never be done comparing.
 */
function refuseWhileMoving({ buckets, change }: Topology, { name, n }: Bucket): void {
  if (change?.phase !== 'moving' || buckets.some((known) => known.n === n)) return
  const what = `no bucket keeps ${n} copies yet, and copies are being moved: create ${name} when that is over`
  throw new QuorateError('change_under_way', what, { retryAfterSeconds: 5 })
}

function refuseOther(known: Bucket, wanted: Bucket): void {
  const differing = (Object.keys(known) as (keyof Bucket)[]).filter((k) => known[k] !== wanted[k])
  if (differing.length === 0) return
  const words = differing.map((k) => `${k} is ${String(known[k])}, not ${String(wanted[k])}`)
  throw new QuorateError('bucket_conflict', `the bucket ${known.name} exists: ${words.join('; ')}`)
}
