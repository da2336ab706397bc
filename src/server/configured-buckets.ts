/**
 * Creates the buckets that the settings list, once a majority of the members can be reached. Every node that
 * has the same list asks for the same buckets; the first to be heard creates them.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { newBucket } from '../api/buckets/bucket-request.ts'
import { AssertionError } from '../core/assert.ts'
import { QuorateError } from '../core/errors.ts'
import type { NodeService } from '../node/service/service.ts'
import type { Log } from '../ports/log.ts'
import type { ConfiguredBucket } from './settings/setting-syntax.ts'

const ATTEMPT_TIMEOUT_MS = 5000
const ATTEMPT_INTERVAL_MS = 1000
/** About ten minutes: by then, the members that start later ask themselves. */
const ATTEMPTS_MAX = 600

/** Goes on in the background until all are there or `cancel` is called. */
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

async function createBucket(
  service: NodeService,
  { name, ...given }: ConfiguredBucket,
  log: Log,
  cancelled: AbortSignal,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX && !cancelled.aborted; attempt++) {
    try {
      const bucket = newBucket(name, given, service.topology().members.length)
      const { created } = await service.createBucket(bucket, ATTEMPT_TIMEOUT_MS)
      if (created) log.info({ bucket: name }, 'bucket created')
      return
    } catch (error) {
      // The node is going down, and with it the disk that the bucket was to be written to.
      if (cancelled.aborted) return
      if (error instanceof AssertionError) throw error
      const fault = { bucket: name, error: error instanceof Error ? error.message : String(error) }
      const code = error instanceof QuorateError ? error.code : undefined
      if (code === 'bucket_conflict') {
        log.error(fault, 'QUORATE_BUCKETS names a bucket that exists otherwise')
        return
      }
      // A node that joined knows only now how many members there are, and their number may change.
      if (code === 'bad_parameter') {
        log.error(fault, 'QUORATE_BUCKETS names one that cannot be')
        return
      }
      // An error without a code says that this node cannot take the document: it serves without it, and tries again.
      if (attempt === 1) log[code === undefined ? 'warn' : 'info'](fault, 'bucket not created yet')
      await delay(ATTEMPT_INTERVAL_MS, undefined, { signal: cancelled }).catch(() => undefined)
    }
  }
}
