/**
 * Checks the query parameters of a request for a value against what its bucket allows. An error lists what is allowed.
 * An invalid value is always an error; it never falls back to a default.
 */
import { type Bucket, isTypeMode } from '../../core/placement/topology.ts'
import { type Level, LEVELS, PLAIN_LEVELS, quorumNeed } from '../../core/quorum/level.ts'
import { checkedText, choice, flag, type Parameter, wholeNumber } from '../http/parameter.ts'
import { badParameter, parseQuery, type Query, quoted } from '../http/query.ts'
import { timeoutParameter } from '../http/request-deadline.ts'

/** Ten years. The limit catches mistakes such as milliseconds in place of seconds. */
export const TTL_SECONDS_MAX = 315_360_000

const CONSISTENCY = choice(
  'consistency',
  LEVELS,
  'The level of this request; by default the level of the bucket. Keys of mode strong are written at `strong` alone, ' +
    'and only they have that level.',
)
const R = wholeNumber(
  'r',
  1,
  Number.MAX_SAFE_INTEGER,
  'How many owners a read waits for, up to the copies of the bucket; by default as the level says.',
)
const W = wholeNumber(
  'w',
  1,
  Number.MAX_SAFE_INTEGER,
  'How many owners a write waits for, up to the copies of the bucket; by default as the level says.',
)
const SLOPPY = flag(
  'sloppy',
  'Whether a fallback node counts in the place of an owner; by default as the level says.',
)
const TIMEOUT = timeoutParameter()
const TTL = wholeNumber(
  'ttl',
  1,
  TTL_SECONDS_MAX,
  'Seconds until the value expires; by default `ttlSeconds` of the bucket.',
)
const SIBLING = checkedText(
  'sibling',
  { type: 'string', minLength: 1 },
  (id) => {
    if (id !== '') return id
    throw badParameter('sibling= needs the id of a sibling.')
  },
  'Answer with the sibling that has this id.',
)
const RESOLVE = choice('resolve', ['lww'], 'Answer with the newest sibling alone.')
const TRACE = flag(
  'trace',
  'Add the header Quorate-Trace: which node answered what, and after how many milliseconds.',
)

/** What each operation takes in buckets of the modes siblings and lww: the most that it takes in any bucket. */
export const KV_PARAMETERS = {
  get: [CONSISTENCY, R, W, SLOPPY, TIMEOUT, SIBLING, RESOLVE, TRACE],
  put: [CONSISTENCY, R, W, SLOPPY, TIMEOUT, TTL, TRACE],
  update: [CONSISTENCY, R, W, SLOPPY, TIMEOUT, TRACE],
  delete: [CONSISTENCY, R, W, SLOPPY, TIMEOUT, TRACE],
} as const satisfies Record<string, readonly Parameter[]>

export type KvOperation = keyof typeof KV_PARAMETERS

const NAMES = namesOf(KV_PARAMETERS)
/** A counter or set reads as one value, so a read cannot choose among siblings. */
const TYPE_NAMES = namesOf({ ...KV_PARAMETERS, get: KV_PARAMETERS.update })
/** Strong keys have no siblings, and consensus fixes how many owners decide. */
const STRONG_NAMES = namesOf({
  get: [CONSISTENCY, R, SLOPPY, TIMEOUT, TRACE],
  put: [CONSISTENCY, TIMEOUT, TTL, TRACE],
  update: [CONSISTENCY, TIMEOUT, TRACE],
  delete: [CONSISTENCY, TIMEOUT, TRACE],
})
const STRONG_ONLY = ['strong'] as const

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
  const query = parseQuery(rawQuery, allowedNames(bucket, operation))
  const newest = RESOLVE.read(query) !== undefined
  const sibling = SIBLING.read(query)
  if (sibling !== undefined && newest) {
    throw badParameter(`sibling=${quoted(sibling)} and resolve=lww exclude each other.`)
  }
  const where = `in the bucket ${bucket.name}, whose mode is ${bucket.mode}`
  const level = CONSISTENCY.readAmong(query, levels, where)
  if (bucket.mode === 'strong' && (level ?? 'strong') === 'strong') refuseOverrides(query)
  return {
    level,
    r: copies(R.read(query), 'r', bucket),
    w: copies(W.read(query), 'w', bucket),
    sloppy: SLOPPY.read(query),
    timeoutMs: TIMEOUT.read(query),
    ttlSeconds: TTL.read(query),
    sibling,
    newest,
    trace: TRACE.read(query) ?? false,
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

type Names = Readonly<Record<KvOperation, readonly string[]>>

function namesOf(parameters: Readonly<Record<KvOperation, readonly Parameter[]>>): Names {
  const names = Object.entries(parameters).map(([operation, list]) => [
    operation,
    list.map(({ name }) => name),
  ])
  return Object.fromEntries(names) as Names
}

function allowedNames({ mode }: Bucket, operation: KvOperation): readonly string[] {
  if (mode === 'strong') return STRONG_NAMES[operation]
  return isTypeMode(mode) ? TYPE_NAMES[operation] : NAMES[operation]
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
