/** How a request ended for its client, by the code that the node counts it under. */
import { type ErrorCode, ERRORS } from '../../core/errors.ts'

export type Outcome = 'ok' | 'rejected' | 'unknown'

/** An absent key and a condition that does not hold are answers, not failures. */
export function outcomeOf(code: string): Outcome {
  if (code === 'ok' || !Object.hasOwn(ERRORS, code)) return 'ok'
  const { status, outcome } = ERRORS[code as ErrorCode]
  if (outcome === 'unknown') return 'unknown'
  return status >= 500 ? 'rejected' : 'ok'
}
