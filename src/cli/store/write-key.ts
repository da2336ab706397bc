/** One write of a key, with or without a condition. */
import {
  type Level,
  type Quorate,
  RejectedError,
  RequestError,
  type Written,
} from '../../client/quorate.ts'
import { UsageError } from '../../command-line/usage-error.ts'
import { type Bytes, formatOf, type KeyName, nameOf, plainly } from './key.ts'

export interface KeyWrite {
  /** Undefined deletes the key. */
  readonly value: Bytes | undefined
  readonly contentType: string
  /** The level of the bucket if undefined. Ignored by a write with a condition, which is strong. */
  readonly level: Level | undefined
  /** What the write replaces. Undefined replaces every value that it finds. */
  readonly context: string | undefined
  readonly ttlSeconds: number | undefined
  readonly condition: Condition | undefined
}

/** The key still has this ETag, or it is absent. */
export type Condition = { readonly etag: string } | 'absent'

/** A write with a condition is told less. */
export type KeyWritten = Pick<Written, 'isStored' | 'etag' | 'level'> & Partial<Written>

/** Rejects as the client does, and with precondition_failed. */
export async function writeKey(
  client: Quorate,
  at: KeyName,
  write: KeyWrite,
  signal: AbortSignal,
): Promise<KeyWritten> {
  if (write.condition !== undefined) return swapKey(client, at, write, write.condition, signal)
  const { value, contentType, level, context, ttlSeconds } = write
  const bucket = client.bucket(at.bucket, { format: formatOf(contentType) })
  const options = { consistency: plainly(level), context, signal }
  return value === undefined
    ? bucket.delete(at.key, options)
    : bucket.put(at.key, value, { ...options, ttlSeconds })
}

async function swapKey(
  client: Quorate,
  at: KeyName,
  { value, contentType, ttlSeconds }: KeyWrite,
  condition: Condition,
  signal: AbortSignal,
): Promise<KeyWritten> {
  const bucket = client.strong(at.bucket, { format: formatOf(contentType) })
  const expected = condition === 'absent' ? undefined : condition.etag
  const swap = await bucket
    .compareAndSet(at.key, expected, value, { ttlSeconds, signal })
    .catch((error: unknown) => {
      throw isWrongMode(error)
        ? new UsageError('a condition needs a bucket of mode strong, such as the bucket strong')
        : error
    })
  if (swap.isSet) return { isStored: true, etag: swap.etag, level: 'strong' }
  const is = condition === 'absent' ? 'exists' : 'has another ETag, or is absent'
  throw new RejectedError({
    code: 'precondition_failed',
    detail: `The condition does not hold: ${nameOf(at)} ${is}.`,
    retryable: false,
    attempts: [],
  })
}

/** A bucket of another mode refuses the level that a condition needs. */
function isWrongMode(error: unknown): boolean {
  return error instanceof RequestError && error.code === 'bad_parameter'
}

/** An ETag is quoted, which is hard to type in a shell. */
export function etagOf(text: string): string {
  return text.startsWith('"') ? text : `"${text}"`
}
