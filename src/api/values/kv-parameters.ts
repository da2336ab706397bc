/**
 * Checks the query parameters of a request for a value against what its bucket allows. An error lists what is allowed.
 * An invalid value is always an error; it never falls back to a default.
 */
import { TIMEOUT_MS_MAX } from '../../node/round/placed-request.ts'
import { type Bucket, isTypeMode } from '../../core/placement/topology.ts'
import { type Level, LEVELS, PLAIN_LEVELS, quorumNeed } from '../../core/quorum/level.ts'
import {
  badParameter,
  choice,
  flag,
  parseQuery,
  type Query,
  quoted,
  wholeNumber,
} from '../http/query.ts'

/** Ten years. The limit catches mistakes such as milliseconds in place of seconds. */
export const TTL_SECONDS_MAX = 315_360_000

const PARAMETERS = {
  get: ['consistency', 'r', 'w', 'sloppy', 'timeout', 'sibling', 'resolve', 'trace'],
  put: ['consistency', 'r', 'w', 'sloppy', 'timeout', 'ttl', 'trace'],
  update: ['consistency', 'r', 'w', 'sloppy', 'timeout', 'trace'],
  delete: ['consistency', 'r', 'w', 'sloppy', 'timeout', 'trace'],
} as const
/** A counter or set reads as one value, so a read cannot choose among siblings. */
const TYPE_GET_PARAMETERS = ['consistency', 'r', 'w', 'sloppy', 'timeout', 'trace'] as const
/** Strong keys have no siblings, and consensus fixes how many owners decide. */
const STRONG_PARAMETERS = {
  get: ['consistency', 'r', 'sloppy', 'timeout', 'trace'],
  put: ['consistency', 'timeout', 'ttl', 'trace'],
  update: ['consistency', 'timeout', 'trace'],
  delete: ['consistency', 'timeout', 'trace'],
} as const
const STRONG_ONLY = ['strong'] as const

export type KvOperation = keyof typeof PARAMETERS

export interface KvParameters {
  readonly level: Level | undefined
  readonly r: number | undefined
  readonly w: number | undefined
  readonly sloppy: boolean | undefined
  readonly timeoutMs: number | undefined
  readonly ttlSeconds: number | undefined
  /** The id of the one sibling to return. */
  readonly sibling: string | undefined
  /** Answer with the newest sibling instead of all. */
  readonly newest: boolean
  readonly trace: boolean
}

const NO_PARAMETERS: KvParameters = {
  level: undefined,
  r: undefined,
  w: undefined,
  sloppy: undefined,
  timeoutMs: undefined,
  ttlSeconds: undefined,
  sibling: undefined,
  newest: false,
  trace: false,
}

/** Parsed parameters for queries that name a level and nothing else, which are the most common. */
const LEVEL_ONLY: ReadonlyMap<string, KvParameters> = new Map(
  LEVELS.map((level) => [`consistency=${level}`, { ...NO_PARAMETERS, level }]),
)

/** Throws bad_parameter. */
export function parseKvParameters(
  rawQuery: string,
  operation: KvOperation,
  bucket: Bucket,
): KvParameters {
  if (rawQuery === '') return NO_PARAMETERS
  const levels = levelsOf(bucket, operation)
  const common = LEVEL_ONLY.get(rawQuery)
  if (common?.level !== undefined && levels.includes(common.level)) return common
  const query = parseQuery(rawQuery, parametersOf(bucket, operation))
  const sibling = query.get('sibling')
  const newest = choice(query, 'resolve', ['lww'], 'here') !== undefined
  if (sibling === '') throw badParameter('sibling= needs the id of a sibling.')
  if (sibling !== undefined && newest) {
    throw badParameter(`sibling=${quoted(sibling)} and resolve=lww exclude each other.`)
  }
  const where = `in the bucket ${bucket.name}, whose mode is ${bucket.mode}`
  const level = choice(query, 'consistency', levels, where)
  if (bucket.mode === 'strong' && (level ?? 'strong') === 'strong') refuseOverrides(query)
  return {
    level,
    r: copies(wholeNumber(query, 'r', 1, Number.MAX_SAFE_INTEGER), 'r', bucket),
    w: copies(wholeNumber(query, 'w', 1, Number.MAX_SAFE_INTEGER), 'w', bucket),
    sloppy: flag(query, 'sloppy'),
    timeoutMs: wholeNumber(query, 'timeout', 1, TIMEOUT_MS_MAX),
    ttlSeconds: wholeNumber(query, 'ttl', 1, TTL_SECONDS_MAX),
    sibling,
    newest,
    trace: flag(query, 'trace') ?? false,
  }
}

/**
 * Whether the request waits for at least as many answers as its level needs, so that the level's promise holds. `r`,
 * `w` and `sloppy` can ask for more or for less.
 */
export function keepsLevel({ level, r, w, sloppy }: KvParameters, bucket: Bucket): boolean {
  if (r === undefined && w === undefined && sloppy === undefined) return true
  const need = quorumNeed(level ?? bucket.consistency, bucket.n)
  const hasFewer = (r !== undefined && r < need.r) || (w !== undefined && w < need.w)
  return !hasFewer && (need.sloppy || sloppy !== true)
}

function levelsOf({ mode }: Bucket, operation: KvOperation): readonly Level[] {
  if (mode !== 'strong') return PLAIN_LEVELS
  return operation === 'get' ? LEVELS : STRONG_ONLY
}

function parametersOf({ mode }: Bucket, operation: KvOperation): readonly string[] {
  if (mode === 'strong') return STRONG_PARAMETERS[operation]
  return operation === 'get' && isTypeMode(mode) ? TYPE_GET_PARAMETERS : PARAMETERS[operation]
}

function refuseOverrides(query: Query): void {
  for (const name of ['r', 'sloppy']) {
    if (!query.has(name)) continue
    throw badParameter(
      `${name}= goes with a weaker level: at consistency=strong a majority of the owners decides.`,
    )
  }
}

function copies(value: number | undefined, name: string, bucket: Bucket): number | undefined {
  if (value === undefined || value <= bucket.n) return value
  throw badParameter(
    `${name}=${value} is more than the ${bucket.n} copies that the bucket ${bucket.name} keeps of each key; ` +
      `allowed: 1 to ${bucket.n}.`,
  )
}
