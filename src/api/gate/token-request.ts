/** Checks the request for a new token. A refusal lists what is allowed. */
import {
  GRANTS_MAX,
  isTokenName,
  PREFIX_BYTES_MAX,
  REQUESTS_PER_SECOND_MAX,
  TOKEN_NAME_PATTERN,
  TOKEN_NAME_RULE,
  TTL_SECONDS_MAX,
} from '../../core/access/access-token.ts'
import { type Grant, isBucketPattern, type Right, RIGHTS } from '../../core/access/grant.ts'
import { QuorateError } from '../../core/errors.ts'
import { ROOT } from '../access/caller.ts'
import type { JsonObject } from '../http/json-body.ts'
import { quoted } from '../http/query.ts'
import { about, choiceOf, listOf, orNull, patternOf, type Schema, TEXT } from '../http/schema.ts'

export const TOKEN_EXAMPLE =
  '{"name":"web","grants":[{"bucket":"carts","prefix":"eu/","rights":["read","write"]}]}'

export const TOKEN_NAME_SCHEMA = patternOf(TOKEN_NAME_PATTERN)
const GRANT_PROPERTIES = {
  bucket: about(
    TEXT,
    'The name of a bucket, or the beginning of names and one `*`: `team-*`. `*` alone stands for all buckets.',
  ),
  prefix: about(TEXT, 'The beginning of the keys; by default empty, which covers all keys.'),
  rights: about(
    { ...listOf(choiceOf(RIGHTS)), minItems: 1 },
    '`read`: values and lists of keys. `write`: writes and deletes. `admin`: the bucket itself; over all buckets also ' +
      'the cluster, tokens and backups. No right implies another one.',
  ),
} satisfies Record<keyof Grant, Schema>

export const GRANT: Schema = {
  title: 'Grant',
  type: 'object',
  properties: GRANT_PROPERTIES,
  required: ['bucket', 'rights'],
  additionalProperties: false,
}
const PROPERTIES = {
  name: about(TOKEN_NAME_SCHEMA, 'By it people know the token, and revoke it.'),
  grants: { type: 'array', items: GRANT, minItems: 1, maxItems: GRANTS_MAX },
  ttlSeconds: about(
    orNull({ type: 'integer', minimum: 1, maximum: TTL_SECONDS_MAX }),
    'After so many seconds the token expires; null, the default: never.',
  ),
  requestsPerSecond: about(
    orNull({ type: 'integer', minimum: 1, maximum: REQUESTS_PER_SECOND_MAX }),
    'How many requests a second each node takes from the token; more are 429. Null, the default: the limit of the node.',
  ),
} satisfies Record<string, Schema>
const MEMBERS = Object.keys(PROPERTIES)
const GRANT_MEMBERS = Object.keys(GRANT_PROPERTIES)

/** What `tokenRequest` takes. */
export const TOKEN_REQUEST: Schema = {
  title: 'TokenRequest',
  type: 'object',
  properties: PROPERTIES,
  required: ['name', 'grants'],
  additionalProperties: false,
}

export interface TokenRequest {
  readonly name: string
  readonly grants: readonly Grant[]
  readonly ttlSeconds: number | undefined
  readonly requestsPerSecond: number | undefined
}

/** Throws bad_parameter. */
export function tokenRequest(body: JsonObject): TokenRequest {
  refuseOthers(body, MEMBERS, 'here')
  const { name, grants, ttlSeconds = null, requestsPerSecond = null } = body
  if (typeof name !== 'string' || !isTokenName(name)) {
    throw refusal(`name must be ${TOKEN_NAME_RULE}, not ${shown(name)}.`)
  }
  if (name === ROOT) throw refusal(`${ROOT} is the name of the token in QUORATE_ROOT_TOKEN_FILE.`)
  if (!Array.isArray(grants) || grants.length === 0 || grants.length > GRANTS_MAX) {
    throw refusal(`grants must be a list of 1 to ${GRANTS_MAX} grants, as in ${TOKEN_EXAMPLE}.`)
  }
  return {
    name,
    grants: grants.map((grant, i) => grantOf(grant, `grants[${i}]`)),
    ttlSeconds: wholeOf('ttlSeconds', ttlSeconds, TTL_SECONDS_MAX),
    requestsPerSecond: wholeOf('requestsPerSecond', requestsPerSecond, REQUESTS_PER_SECOND_MAX),
  }
}

/** Returns `name`, or throws bad_request. */
export function checkTokenName(name: string | undefined): string {
  if (name !== undefined && isTokenName(name)) return name
  throw new QuorateError('bad_request', `The name of a token is ${TOKEN_NAME_RULE}.`)
}

function grantOf(grant: unknown, where: string): Grant {
  if (typeof grant !== 'object' || grant === null || Array.isArray(grant)) {
    throw refusal(`${where} must be an object, not ${shown(grant)}.`)
  }
  refuseOthers(grant as JsonObject, GRANT_MEMBERS, `in ${where}`)
  const { bucket, prefix = '', rights } = grant as JsonObject
  if (typeof bucket !== 'string' || !isBucketPattern(bucket)) {
    throw refusal(
      `${where}.bucket must be the name of a bucket, or the beginning of names and one *, not ${shown(bucket)}.`,
    )
  }
  return { bucket, prefix: prefixOf(prefix, where), rights: rightsOf(rights, where) }
}

function prefixOf(prefix: unknown, where: string): string {
  // Half a surrogate pair has no UTF-8, so no key begins with it.
  if (typeof prefix !== 'string' || !prefix.isWellFormed()) {
    throw refusal(`${where}.prefix must be a well-formed text, not ${shown(prefix)}.`)
  }
  const bytes = Buffer.byteLength(prefix)
  if (bytes <= PREFIX_BYTES_MAX) return prefix
  throw refusal(`${where}.prefix has ${bytes} bytes; at most ${PREFIX_BYTES_MAX} are allowed.`)
}

function rightsOf(rights: unknown, where: string): readonly Right[] {
  const list: readonly unknown[] = Array.isArray(rights) ? rights : []
  const known = RIGHTS.filter((right) => list.includes(right))
  if (list.length > 0 && known.length === list.length) return known
  throw refusal(
    `${where}.rights must be some of ${RIGHTS.join(', ')}, each once, not ${shown(rights)}.`,
  )
}

function wholeOf(member: string, value: unknown, most: number): number | undefined {
  if (value === null) return undefined
  const isWhole = Number.isSafeInteger(value)
  if (isWhole && (value as number) >= 1 && (value as number) <= most) return value as number
  throw refusal(`${member} must be null or a whole number from 1 to ${most}, not ${shown(value)}.`)
}

function refuseOthers(object: JsonObject, allowed: readonly string[], where: string): void {
  const unknown = Object.keys(object).find((member) => !allowed.includes(member))
  if (unknown === undefined) return
  throw refusal(`There is no member ${quoted(unknown)} ${where}; allowed: ${allowed.join(', ')}.`)
}

function shown(value: unknown): string {
  return value === undefined ? 'left out' : quoted(JSON.stringify(value))
}

function refusal(message: string): QuorateError {
  return new QuorateError('bad_parameter', message)
}
