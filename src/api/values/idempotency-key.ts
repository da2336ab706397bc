/**
 * The `Idempotency-Key` of a request: which keys are valid, and which buckets keep them. The fingerprint shows whether
 * two requests under one key are the same request; timeout and r/w counts are not part of it.
 */
import { fingerprintOf } from '../../core/causality/update-name.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { HeaderField } from '../http/endpoint.ts'
import { patternOf } from '../http/schema.ts'
import { hashOfText } from '../access/token-text.ts'
import type { KvOperation } from './kv-parameters.ts'
import type { KvRequest } from './kv-request.ts'

const CHARACTERS_MAX = 255
/** Only these characters, because some clients and proxies change others. */
const PRINTABLE = /^[\x20-\x7e]+$/
const MODES_THAT_KEEP_KEYS = ['strong', 'counter']

export const IDEMPOTENCY_KEY: HeaderField = {
  name: 'Idempotency-Key',
  meaning:
    'A name for this write. A write of the same name is applied once, however often it is sent. ' +
    `Kept in buckets of mode ${MODES_THAT_KEEP_KEYS.join(' and ')}; refused in others.`,
  schema: { ...patternOf(PRINTABLE), maxLength: CHARACTERS_MAX },
}

/**
 * Undefined if the request has none. Throws bad_request or idempotency_unsupported.
 *
 * A caller that may not read the key has idempotency keys of its own. Otherwise the answer would tell which keys others
 * have used.
 */
export function idempotencyKeyOf(request: KvRequest, { name, mode }: Bucket): string | undefined {
  // Most requests have no key, and it takes time to collect the values of a header.
  if (request.headers['idempotency-key'] === undefined) return undefined
  const keys = request.valuesOf('idempotency-key')
  const [key] = keys
  if (key === undefined) return undefined
  if (keys.length > 1) throw badKey(`is given ${keys.length} times; once is allowed.`)
  if (key.length === 0 || key.length > CHARACTERS_MAX) {
    throw badKey(`has ${key.length} characters; 1 to ${CHARACTERS_MAX} are allowed.`)
  }
  if (!PRINTABLE.test(key)) throw badKey('takes printable characters of ASCII only.')
  if (MODES_THAT_KEEP_KEYS.includes(mode)) {
    const { blindToken } = request
    return blindToken === undefined ? key : hashOfText(`${blindToken} ${key}`)
  }
  throw new QuorateError(
    'idempotency_unsupported',
    `An Idempotency-Key is kept in buckets of mode ${MODES_THAT_KEEP_KEYS.join(' and ')}; ${name} is of mode ${mode}.`,
  )
}

/** The fingerprint of a write of `value`; `others` is everything else that the write depends on. */
export function requestFingerprint(op: KvOperation, value: Uint8Array, others: object): string {
  return fingerprintOf(value, [op, JSON.stringify(others)])
}

function badKey(problem: string): QuorateError {
  return new QuorateError('bad_request', `The Idempotency-Key header ${problem}`)
}
