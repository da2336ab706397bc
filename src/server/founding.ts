/**
 * Makes the cluster agree on its random id, and on the key that seals sessions, as soon as a majority of the members
 * can be reached. So no later request has to wait for this agreement, which a cut would prevent.
 */
import { newFounding } from '../api/tokens/session-header.ts'
import { QuorateError } from '../core/errors.ts'
import type { NodeService } from '../node/service/service.ts'
import type { Log } from '../ports/log.ts'
import { repeatAttempts } from './background-attempts.ts'

const ATTEMPT_TIMEOUT_MS = 5000
const ATTEMPT_INTERVAL_MS = 2000

/** Runs in the background until the cluster has agreed on both, or `cancel` is called. */
export function foundCluster(service: NodeService, log: Log): { cancel(): void } {
  const cancelled = new AbortController()
  const attempt = async (): Promise<void> => {
    if (!isFounded(service)) await service.found(newFounding(), ATTEMPT_TIMEOUT_MS)
  }
  const failed = (error: unknown): boolean => {
    // An error without a code means that this node cannot apply the document. It serves without an id and retries.
    const level = error instanceof QuorateError ? 'debug' : 'warn'
    log[level]({ error: String(error) }, 'the cluster has not agreed on its id yet')
    return false
  }
  void repeatAttempts({ attempt, failed, intervalMs: ATTEMPT_INTERVAL_MS }, cancelled.signal)
  return { cancel: () => cancelled.abort() }
}

function isFounded(service: NodeService): boolean {
  const { identity, sessionKey } = service.topology()
  return identity !== undefined && sessionKey !== undefined
}
