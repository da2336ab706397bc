/** The time left to a request that has waited for earlier requests of its connection. */
import type { FastifyRequest } from 'fastify'
import { QuorateError } from '../../core/errors.ts'
import { waitedMs } from './request-order.ts'

/**
 * `timeoutMs` minus the time that the request has waited. Throws overloaded if no time is left: the request has not
 * begun, so nothing of it is or will be applied.
 */
export function timeLeftMs(request: FastifyRequest, timeoutMs: number): number {
  const leftMs = Math.floor(timeoutMs - waitedMs(request.raw))
  if (leftMs >= 1) return leftMs
  throw new QuorateError(
    'overloaded',
    `The time of this request, ${timeoutMs} ms, was over before its turn came: it waited for earlier ones of its connection.`,
  )
}
