/** One request for a value, whether it came alone or as an operation of a batch. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Span } from '../../ports/tracer.ts'
import type { KvTarget } from '../http/kv-path.ts'
import type { KvOperation } from './kv-parameters.ts'

export interface KvRequest {
  readonly op: KvOperation
  readonly id: string
  /**
   * The hash of the caller's token, if the caller may write the key and may not read it. The answer then tells nothing of
   * the key. Undefined for other callers.
   */
  readonly blindToken: string | undefined
  /** Undefined if the request is not traced. */
  readonly span: Span | undefined
  /** The header that says to which trace the request belongs. It may be anything. */
  readonly traceparent: unknown
  /** By name in lower case. */
  readonly headers: IncomingHttpHeaders
  /** No bytes if there is no body. */
  readonly body: Buffer
  /** Throws bad_bucket or bad_key. */
  target(): KvTarget
  /** Every value of the header, if the client gave it more than once. */
  valuesOf(header: string): readonly string[]
  /** The part of `timeoutMs` that is left. Throws overloaded if nothing is left, because then nothing has begun. */
  timeLeftMs(timeoutMs: number): number
}
