/**
 * Lets the cluster agree on its random id, and on the key that seals sessions, as soon as a majority of the members can
 * be reached, so that no request has to wait for them, least of all in a cut.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { newFounding } from '../api/tokens/session-header.ts'
import { AssertionError } from '../core/assert.ts'
import { QuorateError } from '../core/errors.ts'
import type { NodeService } from '../node/service/service.ts'
import type { Log } from '../ports/log.ts'

const ATTEMPT_TIMEOUT_MS = 5000
const ATTEMPT_INTERVAL_MS = 2000

/** Goes on in the background until both are agreed on or `cancel` is called. */
export function foundCluster(service: NodeService, log: Log): { cancel(): void } {
  const cancelled = new AbortController()
  void attempt(service, log, cancelled.signal)
  return { cancel: () => cancelled.abort() }
}

async function attempt(service: NodeService, log: Log, cancelled: AbortSignal): Promise<void> {
  while (!cancelled.aborted && !isFounded(service)) {
    try {
      await service.found(newFounding(), ATTEMPT_TIMEOUT_MS)
    } catch (error) {
      // The node is going down, and with it the disk that it was to be written to.
      if (cancelled.aborted) return
      if (error instanceof AssertionError) throw error
      // An error without a code says that this node cannot take the document: it serves without an id, and tries again.
      const level = error instanceof QuorateError ? 'debug' : 'warn'
      log[level]({ error: String(error) }, 'the cluster has not agreed on its id yet')
      await delay(ATTEMPT_INTERVAL_MS, undefined, { signal: cancelled }).catch(() => undefined)
    }
  }
}

function isFounded(service: NodeService): boolean {
  const { identity, sessionKey } = service.topology()
  return identity !== undefined && sessionKey !== undefined
}
