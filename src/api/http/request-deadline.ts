/** How long a request may take, and how much of that is left after it has waited for earlier ones of its connection. */
import type { FastifyRequest } from 'fastify'
import { QuorateError } from '../../core/errors.ts'
import { TIMEOUT_MS_MAX } from '../../node/round/placed-request.ts'
import { type Parameter, wholeNumber } from './parameter.ts'
import { waitedMs } from './request-order.ts'

/** `defaultMs`: for requests that name no timeout; undefined if that is a setting. */
export function timeoutParameter(defaultMs?: number): Parameter<number> {
  const byDefault = defaultMs ?? 'the setting QUORATE_REQUEST_TIMEOUT_MS (2000)'
  const meaning = `Milliseconds that the request may take; by default ${byDefault}.`
  return wholeNumber('timeout', 1, TIMEOUT_MS_MAX, meaning)
}

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
