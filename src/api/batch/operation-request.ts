/** An operation of a batch as the single request that it stands for. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Span } from '../../ports/tracer.ts'
import { checkBucketName, checkKeyText, type KvTarget } from '../http/kv-path.ts'
import type { KvOperation } from '../values/kv-parameters.ts'
import type { KvRequest } from '../values/kv-request.ts'
import type { BatchOperation } from './batch-request.ts'

export class OperationRequest implements KvRequest {
  readonly id: string
  readonly op: KvOperation
  readonly blindToken: string | undefined
  readonly span: Span | undefined
  readonly traceparent: unknown
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly #operation: BatchOperation
  readonly #batchLeftMs: () => number

  /** `session` is the token that the operation continues. `batchLeftMs` throws overloaded if no time is left. */
  constructor(
    operation: BatchOperation,
    options: {
      id: string
      session: string | undefined
      blindToken: string | undefined
      span: Span | undefined
      traceparent: unknown
      batchLeftMs: () => number
    },
  ) {
    const { id, session, blindToken, span, traceparent, batchLeftMs } = options
    this.id = id
    this.blindToken = blindToken
    this.span = span
    this.traceparent = traceparent
    this.op = operation.op
    this.headers =
      session === undefined
        ? operation.headers
        : { ...operation.headers, 'quorate-session': session }
    this.body = operation.body
    this.#operation = operation
    this.#batchLeftMs = batchLeftMs
  }

  target(): KvTarget {
    const { bucket, key, consistency, ttl } = this.#operation
    const parameters = new URLSearchParams()
    if (consistency !== undefined) parameters.set('consistency', consistency)
    if (ttl !== undefined) parameters.set('ttl', String(ttl))
    return {
      bucket: checkBucketName(bucket),
      key: checkKeyText(key),
      query: parameters.toString(),
    }
  }

  valuesOf(header: string): readonly string[] {
    const value = this.headers[header]
    return value === undefined ? [] : [value].flat()
  }

  /** An operation has no timeout of its own: it may use what is left of the time of the batch. */
  timeLeftMs(): number {
    return this.#batchLeftMs()
  }
}
