/**
 * Reads the bucket and the key from a raw request target `/v1/kv/{bucket}/{key}`. The key is the rest of the path,
 * slashes included. It works on the raw target, because a router would decode, normalise or refuse keys such as
 * `a//b`, `%2e%2e` or a key of 1024 bytes.
 */
import { QuorateError } from '../../core/errors.ts'
import type { PathParameter } from './endpoint.ts'
import { percentDecode } from './percent-decoding.ts'
import { patternOf, type Schema } from './schema.ts'

export const KV_PREFIX = '/v1/kv/'
export const KEY_BYTES_MAX = 1024
const BUCKET_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/

export const BUCKET_NAME_SCHEMA = patternOf(BUCKET_NAME)
/** In the document the length counts characters. The node counts bytes, so it may refuse a shorter key. */
export const KEY_SCHEMA: Schema = { type: 'string', minLength: 1, maxLength: KEY_BYTES_MAX }

export const BUCKET_IN_PATH: PathParameter = {
  name: 'bucket',
  meaning: 'The name of the bucket.',
  schema: BUCKET_NAME_SCHEMA,
}
export const KEY_IN_PATH: PathParameter = {
  name: 'key',
  meaning:
    `The key: the rest of the path, slashes included, percent-decoded once. 1 to ${KEY_BYTES_MAX} bytes of UTF-8. ` +
    'A slash may also be written as %2F.',
  schema: KEY_SCHEMA,
}

export interface KvTarget {
  readonly bucket: string
  readonly key: string
  /** The text after the question mark, still encoded; '' if there is none. */
  readonly query: string
}

/** Throws bad_bucket or bad_key; also bad_bucket for a target that does not begin with the prefix. */
export function parseKvTarget(target: string): KvTarget {
  if (!target.startsWith(KV_PREFIX)) return checkBucketName(undefined)
  const question = target.indexOf('?', KV_PREFIX.length)
  const end = question < 0 ? target.length : question
  const slash = target.indexOf('/', KV_PREFIX.length)
  const bucketEnd = slash < 0 || slash > end ? end : slash
  // Not decoded: no bucket name needs it, and a proxy that grants access by path would see a different name.
  const bucket = checkBucketName(target.slice(KV_PREFIX.length, bucketEnd))
  const key = checkKey(target.slice(bucketEnd + 1, end))
  return { bucket, key, query: question < 0 ? '' : target.slice(question + 1) }
}

/** Returns `name`, or throws bad_bucket. Undefined stands for a target without a bucket. */
export function checkBucketName(name: undefined): never
export function checkBucketName(name: string | undefined): string
export function checkBucketName(name: string | undefined): string {
  if (name !== undefined && BUCKET_NAME.test(name)) return name
  throw new QuorateError(
    'bad_bucket',
    'A bucket name is 1 to 63 characters: a-z, 0-9, and after the first one also . _ and -; ' +
      'values are at /v1/kv/{bucket}/{key}.',
  )
}

function checkKey(raw: string): string {
  const key = percentDecode(raw)
  if (key === undefined) {
    throw new QuorateError(
      'bad_key',
      'The key is not percent-encoded UTF-8: each % must be followed by two hexadecimal digits, ' +
        'and the decoded bytes must be valid UTF-8.',
    )
  }
  return checkKeyText(key)
}

/** Returns `key`, or throws bad_key. */
export function checkKeyText(key: string): string {
  // A key has at most three bytes for each UTF-16 unit, so a short key needs no exact count.
  const bytes = key.length * 3 <= KEY_BYTES_MAX ? key.length : Buffer.byteLength(key)
  if (bytes === 0) throw new QuorateError('bad_key', 'The key is empty: /v1/kv/{bucket}/{key}.')
  if (bytes > KEY_BYTES_MAX) {
    throw new QuorateError(
      'bad_key',
      `The key has ${bytes} bytes; at most ${KEY_BYTES_MAX} bytes of UTF-8 are allowed.`,
    )
  }
  return key
}
