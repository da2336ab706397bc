/** Checks the request for a new bucket and fills in the defaults. A refusal lists what is allowed. */
import { QuorateError } from '../../core/errors.ts'
import { type Bucket, isTypeMode } from '../../core/placement/topology.ts'
import { LEVELS, PLAIN_LEVELS } from '../../core/quorum/level.ts'
import type { JsonObject } from '../http/json-body.ts'
import { TTL_SECONDS_MAX } from '../values/kv-parameters.ts'
import { BUCKET_NAME_SCHEMA } from '../http/kv-path.ts'
import { quoted } from '../http/query.ts'
import { about, choiceOf, orNull, type Schema } from '../http/schema.ts'

const DEFAULT_COPIES = 3
const MODES = ['siblings', 'lww', 'strong', 'counter', 'set'] as const
/** A strong bucket fixes both: its writes take no other level, and acceptors that forget would break its promise. */
const STRONG_LEVELS = ['strong'] as const
const STRONG_DURABILITIES = ['sync'] as const
const DURABILITIES = ['sync', 'os'] as const

/** What each member of a bucket means, and which values it has. */
export const BUCKET_MEMBERS = {
  mode: about(choiceOf(MODES), 'How concurrent writes of one key come together.'),
  n: about({ type: 'integer', minimum: 1 }, 'Copies of each key, at most one on each member.'),
  consistency: about(choiceOf(LEVELS), 'The level of requests that name none.'),
  durability: about(
    choiceOf(DURABILITIES),
    'Whether a write is acknowledged after fsync (`sync`) or before it (`os`).',
  ),
  ttlSeconds: about(
    orNull({ type: 'integer', minimum: 1, maximum: TTL_SECONDS_MAX }),
    'The age at which values expire; null if they do not.',
  ),
} as const satisfies Record<Exclude<keyof Bucket, 'name'>, Schema>
const MEMBERS = Object.keys(BUCKET_MEMBERS)

/** What `newBucket` takes. It also refuses more copies than there are members, and another name than the path's. */
export const BUCKET_REQUEST: Schema = {
  title: 'BucketRequest',
  type: 'object',
  properties: {
    ...BUCKET_MEMBERS,
    name: about(BUCKET_NAME_SCHEMA, 'If given, the name in the path.'),
  },
  additionalProperties: false,
  anyOf: [
    {
      properties: {
        mode: choiceOf(MODES.filter((mode) => mode !== 'strong' && !isTypeMode(mode))),
        consistency: choiceOf(PLAIN_LEVELS),
      },
    },
    {
      properties: {
        mode: choiceOf(MODES.filter(isTypeMode)),
        consistency: choiceOf(PLAIN_LEVELS),
        ttlSeconds: { type: 'null' },
      },
      required: ['mode'],
    },
    {
      properties: {
        mode: choiceOf(['strong']),
        consistency: choiceOf(STRONG_LEVELS),
        durability: choiceOf(STRONG_DURABILITIES),
      },
      required: ['mode'],
    },
  ],
}

/** Throws bad_parameter. `memberCount` bounds the copies, because each copy is on a node of its own. */
export function newBucket(name: string, request: JsonObject, memberCount: number): Bucket {
  for (const member of Object.keys(request)) {
    if (MEMBERS.includes(member) || (member === 'name' && request['name'] === name)) continue
    throw refusal(`There is no member ${quoted(member)} here; allowed: ${MEMBERS.join(', ')}.`)
  }
  const mode = oneOf('mode', request['mode'], MODES, 'siblings')
  const ttlSeconds = whole('ttlSeconds', request['ttlSeconds'], 1, TTL_SECONDS_MAX) ?? null
  if (isTypeMode(mode) && ttlSeconds !== null) {
    throw refusal(`The values of a bucket of mode ${mode} do not expire: ttlSeconds must be null.`)
  }
  const isStrong = mode === 'strong'
  const where = isStrong ? ' in a bucket of mode strong' : ''
  return {
    name,
    mode,
    n: whole('n', request['n'], 1, memberCount) ?? Math.min(DEFAULT_COPIES, memberCount),
    consistency: isStrong
      ? oneOf('consistency', request['consistency'], STRONG_LEVELS, 'strong', where)
      : oneOf('consistency', request['consistency'], PLAIN_LEVELS, 'quorum'),
    durability: isStrong
      ? oneOf('durability', request['durability'], STRONG_DURABILITIES, 'sync', where)
      : oneOf('durability', request['durability'], DURABILITIES, 'sync'),
    ttlSeconds,
  }
}

function oneOf<T extends string>(
  member: string,
  value: unknown,
  choices: readonly T[],
  fallback: T,
  where = '',
): T {
  if (value === undefined) return fallback
  const found = choices.find((candidate) => candidate === value)
  if (found !== undefined) return found
  throw refusal(
    `${member}${where} must be ${choices.length > 1 ? 'one of ' : ''}${choices.join(', ')}, not ${quoted(JSON.stringify(value))}.`,
  )
}

function whole(member: string, value: unknown, min: number, max: number): number | undefined {
  if (value === undefined || (value === null && member === 'ttlSeconds')) return undefined
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number
  }
  throw refusal(
    `${member} must be a whole number from ${min} to ${max}, not ${quoted(JSON.stringify(value))}.`,
  )
}

function refusal(message: string): QuorateError {
  return new QuorateError('bad_parameter', message)
}
