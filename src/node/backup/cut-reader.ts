/**
 * Reads the keys of a bucket from the snapshots of a cut: pages of records from every source, and pages of the hints in
 * its snapshot. The copies of a key are merged as in a read.
 *
 * Only the copies of owners under the placement of the cut count, and those of next owners while a key moves. An
 * earlier owner may still have keys that the owners have deleted and forgotten since.
 */
import { stateAtCut } from '../../core/backup/state-at-cut.ts'
import { newestDot, type StoredObject } from '../../core/causality/stored-object.ts'
import { QuorateError } from '../../core/errors.ts'
import { labelOf } from '../../core/placement/bucket-name.ts'
import { partitionOf } from '../../core/placement/data-partition.ts'
import { placementAt } from '../../core/placement/preference-list.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import { majority } from '../../core/quorum/level.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Timers } from '../../ports/timers.ts'
import { modeOf } from '../replica/replica.ts'
import type { CutPage } from '../wire/asks/cut-asks.ts'
import { decodeRecord } from '../wire/object-record.ts'
import type { Cut, CutSource } from './cut-maker.ts'
import type { CutMembers } from './cut-members.ts'
import { type KeyRecords, type KeyStream, mergedKeys } from './key-streams.ts'
import { pause } from './pause.ts'

const PAGE_TIMEOUT_MS = 3000
/** How often one page is asked for. The pauses between the attempts grow: together they outlast a short cut. */
const ATTEMPTS_MAX = 8
const RETRY_PAUSE_MS = 200

export interface CutReaderParts {
  readonly members: CutMembers
  readonly isGivenUp: () => boolean
}

/** One stream of a node: its own records if `owner` is '', otherwise the hints that it keeps for that owner. */
interface Source {
  readonly node: string
  readonly owner: string
}

export interface StateAtCut {
  readonly key: string
  readonly object: StoredObject
}

/**
 * Every key that has a copy, in key order. `needsAll`: fails at a damaged copy, because it may hide a covered write.
 */
export async function* statesAtCut(
  ports: { codec: Codec; timers: Timers },
  parts: CutReaderParts,
  cut: Cut,
  bucket: Bucket,
  needsAll: boolean,
): AsyncGenerator<StateAtCut, void, undefined> {
  const streams = cut.sources.flatMap((source) =>
    sourcesOf(source).map((from): KeyStream<Source> => ({
      source: from,
      load: (after) => loadPage(ports.timers, parts, cut, { ...from, bucket: bucket.name, after }),
    })),
  )
  for await (const found of mergedKeys(streams)) {
    yield { key: found.key, object: merged(ports.codec, cut, bucket, needsAll, found) }
  }
}

function sourcesOf({ node, hintOwners }: CutSource): Source[] {
  return ['', ...hintOwners].map((owner) => ({ node, owner }))
}

function merged(
  codec: Codec,
  { at, topology, horizon, sources, hasAll }: Cut,
  bucket: Bucket,
  needsAll: boolean,
  { key, records }: KeyRecords<Source>,
): StoredObject {
  const { owners, next } = placementAt(topology, bucket.n, partitionOf(bucket.name, key))
  const held: StoredObject[] = []
  const hinted: StoredObject[] = []
  const damaged = new Set<string>()
  const damagedHints = new Set<string>()
  for (const { source, record } of records) {
    const { node, owner } = source
    const isHint = owner !== ''
    if (!isHint && !owners.includes(node) && next?.includes(node) !== true) continue
    const object = objectIn(codec, record)
    if (object !== undefined) (isHint ? hinted : held).push(object)
    else if (isHint) damagedHints.add(node)
    else if (owners.includes(node)) damaged.add(node)
  }
  const readable = sources.filter(({ node }) => owners.includes(node) && !damaged.has(node))
  if (needsAll ? damaged.size > 0 : readable.length < majority(owners.length)) {
    const where = `${[...damaged].join(', ')} in bucket ${labelOf(bucket.name)}`
    throw unreadable(`a copy of a key is damaged at ${where}, and is being repaired: try again`)
  }
  // If a member is away, what the cut covers is at the owners, too (README.md).
  if (needsAll && hasAll && damagedHints.size > 0) {
    const where = `${[...damagedHints].join(', ')} in bucket ${labelOf(bucket.name)}`
    throw unreadable(
      `a hint is damaged at ${where}, and may be the only copy of a write: try again`,
    )
  }
  const object = stateAtCut(modeOf(bucket), held, hinted, horizon)
  if (newestDot(object) > at) throw unreadable('a write is later than the cut: try again')
  return object
}

function objectIn(codec: Codec, record: Uint8Array): StoredObject | undefined {
  try {
    return decodeRecord(codec, record)
  } catch {
    return undefined
  }
}

async function loadPage(
  timers: Timers,
  { members, isGivenUp }: CutReaderParts,
  cut: Cut,
  place: Source & { readonly bucket: string; readonly after: string },
): Promise<CutPage> {
  const { node, ...request } = place
  for (let attempt = 1; ; attempt++) {
    if (isGivenUp()) throw new QuorateError('not_ready', 'the backup was given up')
    const asked = { cut: cut.name, ...request }
    const reply = await members.ask(node, 'cut-page', asked, PAGE_TIMEOUT_MS)
    if (reply.type === 'ok') return reply.answer
    const why = reply.type === 'refused' ? reply.message : 'it does not answer'
    if (reply.type === 'refused' || attempt === ATTEMPTS_MAX) {
      throw unreadable(`the snapshot of ${node} cannot be read (${why}): make the backup again`)
    }
    await pause(timers, attempt * RETRY_PAUSE_MS)
  }
}

function unreadable(message: string): QuorateError {
  return new QuorateError('quorum_unreachable', message, { retryAfterSeconds: 5 })
}
