/**
 * A blind write: its caller may write the key, and may not read it. It takes nothing whose answer depends on what is
 * stored: no condition, no session, no trace.
 */
import { QuorateError } from '../../core/errors.ts'
import type { KvParameters } from './kv-parameters.ts'
import type { KvRequest } from './kv-request.ts'

const READING_HEADERS = {
  'if-match': 'If-Match',
  'if-none-match': 'If-None-Match',
  'quorate-session': 'Quorate-Session',
} as const

/** Throws forbidden. */
export function refuseReading(
  { headers }: KvRequest,
  { trace }: KvParameters,
  level: string | undefined,
): void {
  for (const [name, shown] of Object.entries(READING_HEADERS)) {
    if (headers[name] !== undefined) throw forbidden(`the header ${shown}`)
  }
  if (level === 'causal') throw forbidden('consistency=causal')
  if (trace) throw forbidden('trace=true')
}

function forbidden(what: string): QuorateError {
  return new QuorateError(
    'forbidden',
    `The token gives the right to write this key, and not to read it: without read, a write cannot use ${what}.`,
  )
}
