/**
 * Creates the buckets that the settings list, when a majority of the members can be reached. Every node with the same
 * list requests the same buckets; the first request creates them.
 */
import { newBucket } from '../api/buckets/bucket-request.ts'
import { QuorateError } from '../core/errors.ts'
import type { NodeService } from '../node/service/service.ts'
import type { Log } from '../ports/log.ts'
import { repeatAttempts } from './background-attempts.ts'
import type { ConfiguredBucket } from './settings/setting-syntax.ts'

const ATTEMPT_TIMEOUT_MS = 5000
const ATTEMPT_INTERVAL_MS = 1000
/** About ten minutes. Members that start later request the buckets themselves. */
const ATTEMPTS_MAX = 600

/** Runs in the background until all buckets exist or `cancel` is called. */
export function createConfiguredBuckets(
  service: NodeService,
  buckets: readonly ConfiguredBucket[],
  log: Log,
): { cancel(): void } {
  const cancelled = new AbortController()
  void (async () => {
    for (const bucket of buckets) await createBucket(service, bucket, log, cancelled.signal)
  })()
  return { cancel: () => cancelled.abort() }
}

function createBucket(
  service: NodeService,
  { name, ...given }: ConfiguredBucket,
  log: Log,
  cancelled: AbortSignal,
): Promise<void> {
  const attempt = async (): Promise<void> => {
    const bucket = newBucket(name, given, service.topology().members.length)
    const { created } = await service.createBucket(bucket, ATTEMPT_TIMEOUT_MS)
    if (created) log.info({ bucket: name }, 'bucket created')
  }
  const failed = (error: unknown, count: number): boolean => {
    const fault = { bucket: name, error: error instanceof Error ? error.message : String(error) }
    const code = error instanceof QuorateError ? error.code : undefined
    if (code === 'bucket_conflict') {
      log.error(fault, 'QUORATE_BUCKETS names a bucket that exists with other settings')
      return true
    }
    // A joined node learns only now how many members there are, so `n` may be too large.
    if (code === 'bad_parameter') {
      log.error(fault, 'QUORATE_BUCKETS names a bucket that cannot be created')
      return true
    }
    // An error without a code means that this node cannot apply the document. It serves without the bucket and retries.
    if (count === 1) log[code === undefined ? 'warn' : 'info'](fault, 'bucket not created yet')
    return false
  }
  const bounds = { intervalMs: ATTEMPT_INTERVAL_MS, countMax: ATTEMPTS_MAX }
  return repeatAttempts({ attempt, failed, ...bounds }, cancelled)
}
