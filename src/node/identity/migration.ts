/**
 * Migrates a data directory of an older format to the current one, before anything else reads it. A crash in between
 * does no harm, because each step can be repeated, and the new format is written last. The format is a part of the
 * node's own state, so this file lies here and not in `storage`.
 */
import type { Codec, Encodable } from '../../ports/codec.ts'
import type { Disk } from '../../ports/disk.ts'
import type { Log } from '../../ports/log.ts'
import { indexOperations } from '../storage/data-index.ts'
import type { GroupCommit } from '../storage/group-commit.ts'
import type { NodeState } from './node-state.ts'
import { ABSENT_COPY, type Copy, decodeRecord } from '../wire/object-record.ts'
import { hasUnlistedLives } from './own-lives.ts'
import { type RecordPage, readPage } from '../storage/record-page.ts'
import {
  ALL_LISTED,
  ALL_RECORDS,
  FORMAT_WITHOUT_INDEX,
  FORMAT_WITHOUT_KEY_INDEX,
  STORAGE_FORMAT,
} from '../storage/storage-keys.ts'
import { markVoteLost } from './voter-state.ts'

const PAGE = 64

/**
 * Call this if synced writes are missing from the directory. Its horizon, its votes and its indexes then cannot be
 * trusted. The horizon is reset, because otherwise this node would take missing writes for history, and the other
 * owners would forget them too. The node later recalls its votes from the other voters. The indexes are rebuilt from
 * the records. Rejects with a `DiskError`.
 */
export async function distrust(state: NodeState): Promise<void> {
  await markVoteLost(state)
  if (state.get('horizon') !== undefined) await state.set('horizon', 0)
  await distrustIndex(state)
}

/** Resolves once a mark is durable that makes the next `migrate` rebuild the indexes. Rejects with a `DiskError`. */
export async function distrustIndex(state: NodeState): Promise<void> {
  const format = state.get('format')
  // Write the mark even if it is set in memory, because the write that set it may have failed.
  if (format === STORAGE_FORMAT || isWithoutIndex(format)) {
    await state.set('format', FORMAT_WITHOUT_INDEX)
  }
}

type OldFormat = typeof FORMAT_WITHOUT_INDEX | typeof FORMAT_WITHOUT_KEY_INDEX

function isWithoutIndex(format: Encodable | undefined): format is OldFormat {
  return format === FORMAT_WITHOUT_INDEX || format === FORMAT_WITHOUT_KEY_INDEX
}

/**
 * Empties the list of lives if an older version, which keeps no such list, has used the directory. That version did not
 * always mark a lost vote either, so this function marks it. Call it before this life takes an incarnation. Rejects
 * with a `DiskError`.
 */
export async function forgetLives(state: NodeState): Promise<void> {
  if (!hasUnlistedLives(state)) return
  const [isBehind] = (state.get('proof') as readonly Encodable[] | undefined) ?? []
  if (isBehind === true) await markVoteLost(state)
  await state.set('own-lives', [])
}

/** Rejects with a `DiskError`. */
export async function migrate(
  ports: { disk: Disk; codec: Codec; log: Log },
  commits: GroupCommit,
  state: NodeState,
): Promise<void> {
  const format = state.get('format')
  if (!isWithoutIndex(format)) return
  const { disk, codec, log } = ports
  log.info({ from: format, to: STORAGE_FORMAT }, 'indexing the stored data')
  await clearKeyIndex(disk, commits)
  let records = 0
  const [begin, end] = ALL_RECORDS
  for (let from: string | undefined = begin; from !== undefined;) {
    const page: RecordPage = await readPage(disk, from, end, PAGE)
    const operations = page.entries.flatMap(([storageKey, record]) =>
      indexOperations(codec, storageKey, ABSENT_COPY, decodedOrDamaged(codec, record)),
    )
    if (operations.length > 0) await commits.store(operations, 'os')
    records += page.entries.length
    from = page.next
  }
  // This write is synced, and with it every write before it, because the disk's log is sequential.
  await state.set('format', STORAGE_FORMAT)
  log.info({ records }, 'the stored data is indexed')
}

/** Removes all entries, because a directory that has lost durable writes may list keys whose records are gone. */
async function clearKeyIndex(disk: Disk, commits: GroupCommit): Promise<void> {
  const [from, to] = ALL_LISTED
  for (;;) {
    const { entries } = await readPage(disk, from, to, PAGE)
    if (entries.length === 0) return
    await commits.store(
      entries.map(([key]) => ({ type: 'delete', key })),
      'os',
    )
  }
}

/** Decodes a record. A damaged one gets its index entries too; the next reader finds the damage and repairs it. */
function decodedOrDamaged(codec: Codec, record: Uint8Array): Copy {
  try {
    return { object: decodeRecord(codec, record), record }
  } catch {
    return { object: ABSENT_COPY.object, record }
  }
}
