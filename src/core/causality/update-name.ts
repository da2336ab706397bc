/**
 * The name that an idempotency key gives to one update of a counter. A named update stays in the object as a sibling of
 * its own. So if another node counts the same update again, a merge finds both: only the earliest update with a name
 * counts. A delete keeps the names of the updates that it deletes in its tombstone.
 *
 * Invariant: an owner drops a name only when it holds every update made within `NAME_WINDOW_MS` of that name. So a
 * repeat within that time is never counted twice, however long the cut between the two.
 */
import { assert } from '../assert.ts'
import { hashText } from '../hash/text-hash.ts'
import { xxh32 } from '../hash/xxh32.ts'
import type { Dot, Timestamp } from './dot.ts'
import { TICKS_PER_MS } from './hybrid-clock.ts'
import type { Sibling } from './sibling.ts'

/**
 * A request may be repeated under its key for this long. Strong keys remember theirs for the same time
 * (register-memory.ts).
 */
export const NAME_WINDOW_MS = 10 * 60_000
export const NAME_WINDOW_TICKS = NAME_WINDOW_MS * TICKS_PER_MS
/** Bound of the names in one counter. Beyond it, updates with a new key are refused until older names are dropped. */
export const NAMES_MAX = 2048

export interface UpdateName {
  /** A hash of the idempotency key. */
  readonly id: string
  /** A hash of the request. Empty if the client gave none; it then matches any. */
  readonly fingerprint: string
}

/** An update that was applied under a name. */
export interface NamedUpdate extends UpdateName {
  readonly dot: Dot
  readonly kind: NamedKind
}

/** The last two tell what a delete found. */
export type NamedKind = 'increment' | 'deleted a value' | 'deleted nothing'

/** Content types of named updates begin with this mark. No media type does. */
const MARK = '#'
const ID_SEEDS = [1, 2, 3]
const FINGERPRINT_SEEDS = [4, 5]
const HASH_CHARACTERS = 7
const ID_CHARACTERS = ID_SEEDS.length * HASH_CHARACTERS
const FINGERPRINT = /^[0-9a-z]*$/
const KINDS: readonly NamedKind[] = ['increment', 'deleted a value', 'deleted nothing']

export function nameOfKey(idempotencyKey: string, fingerprint: string | undefined): UpdateName {
  const id = ID_SEEDS.map((seed) => textOf(hashText(idempotencyKey, seed))).join('')
  assert(FINGERPRINT.test(fingerprint ?? ''), () => `the fingerprint ${fingerprint} is a hash`)
  return { id, fingerprint: fingerprint ?? '' }
}

/** A hash of everything that distinguishes one request from another. */
export function fingerprintOf(value: Uint8Array, others: readonly string[]): string {
  const text = JSON.stringify(others)
  return FINGERPRINT_SEEDS.map((seed) => textOf(hashText(text, xxh32(value, seed)))).join('')
}

/** Whether the fingerprints of the applied request and of the repeated one show two different requests. */
export function isOtherRequest(made: string | undefined, asked: string | undefined): boolean {
  return (made ?? '') !== '' && (asked ?? '') !== '' && made !== asked
}

/** The content type of a named increment's sibling. */
export function contentTypeOf({ id, fingerprint }: UpdateName): string {
  return `${MARK}${id}${fingerprint}`
}

/** The id in the name of a sibling; undefined if it has none. */
export function idOf({ contentType, tombstone }: Sibling): string | undefined {
  if (tombstone || !contentType.startsWith(MARK)) return undefined
  return contentType.slice(1, 1 + ID_CHARACTERS)
}

/** Whether it is a named increment, or a tombstone that remembers names. */
export function bearsNames(sibling: Sibling): boolean {
  return idOf(sibling) !== undefined || (sibling.tombstone && sibling.value.length > 0)
}

/** All named updates that the siblings remember, deleted ones included. The same name may appear more than once. */
export function* namedUpdates(siblings: readonly Sibling[]): Generator<NamedUpdate> {
  for (const sibling of siblings) {
    const { actor, timestamp, contentType } = sibling
    const id = idOf(sibling)
    if (id !== undefined) {
      const fingerprint = contentType.slice(1 + ID_CHARACTERS)
      yield { id, fingerprint, dot: { actor, timestamp }, kind: 'increment' }
    } else if (sibling.tombstone && sibling.value.length > 0) yield* parseNames(sibling)
  }
}

/** The ids of increments that tombstones remember. They are deleted, and so is every repeat of them. */
export function deletedIds(siblings: readonly Sibling[]): ReadonlySet<string> {
  const ids = new Set<string>()
  const tombstones = siblings.filter(({ tombstone }) => tombstone)
  for (const { id, kind } of namedUpdates(tombstones)) if (kind === 'increment') ids.add(id)
  return ids
}

/**
 * A named increment, or a tombstone that remembers increments, with only the part of its names that `deletedIds` and
 * `idOf` need. Undefined for any other sibling.
 */
export function briefName(sibling: Sibling): Pick<Sibling, 'contentType' | 'value'> | undefined {
  const id = idOf(sibling)
  if (id !== undefined) return { contentType: `${MARK}${id}`, value: NOTHING }
  const ids = deletedIds([sibling])
  if (ids.size === 0) return undefined
  const dot = { actor: '', timestamp: 0 }
  const names = [...ids].map((one) => ({ id: one, fingerprint: '', dot, kind: KINDS[0] }))
  return { contentType: '', value: encodeNames(names as NamedUpdate[]) }
}

const NOTHING = new Uint8Array(0)

/** The update that was applied under the id: the earliest that is known. */
export function findNamed(siblings: readonly Sibling[], id: string): NamedUpdate | undefined {
  let found: NamedUpdate | undefined
  for (const named of namedUpdates(siblings)) {
    if (named.id !== id) continue
    if (found === undefined || named.dot.timestamp < found.dot.timestamp) found = named
  }
  return found
}

/** How many names the siblings remember. */
export function countNames(siblings: readonly Sibling[]): number {
  const ids = new Set<string>()
  for (const { id } of namedUpdates(siblings)) ids.add(id)
  return ids.size
}

/** Whether a node that has settled up to `settled` knows everything minted within the window of `timestamp`. */
export function isNamePast(timestamp: Timestamp, settled: Timestamp): boolean {
  return timestamp + NAME_WINDOW_TICKS <= settled
}

/** Whether a tombstone still has names to remember. */
export function remembersNames({ value, timestamp }: Sibling, settled: Timestamp): boolean {
  return value.length > 0 && !isNamePast(timestamp, settled)
}

/** The value of a tombstone that remembers these updates: the earliest of each name. */
export function encodeNames(all: Iterable<NamedUpdate>): Uint8Array {
  const byId = new Map<string, NamedUpdate>()
  for (const named of all) {
    const known = byId.get(named.id)
    if (known === undefined || named.dot.timestamp < known.dot.timestamp) byId.set(named.id, named)
  }
  const text = [...byId.values()]
    .map(({ id, fingerprint, dot, kind }) =>
      [id, fingerprint, dot.timestamp.toString(36), KINDS.indexOf(kind), dot.actor].join(' '),
    )
    .join('\n')
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

function* parseNames({ value, actor, timestamp }: Sibling): Generator<NamedUpdate> {
  let text = ''
  for (const byte of value) text += String.fromCharCode(byte)
  for (const line of text.split('\n')) {
    const [id = '', fingerprint = '', since = '', kindIndex = '', minter = ''] = line.split(' ')
    const kind = KINDS[Number(kindIndex)]
    const time = Number.parseInt(since, 36)
    assert(
      kind !== undefined && Number.isSafeInteger(time),
      () => `the tombstone ${actor}@${timestamp} remembers names`,
    )
    yield { id, fingerprint, dot: { actor: minter, timestamp: time }, kind }
  }
}

function textOf(hash: number): string {
  return hash.toString(36).padStart(HASH_CHARACTERS, '0')
}
