/**
 * Saves the readable part of a damaged database, for a node that no other node can fill. LevelDB's repair writes a new
 * manifest for the tables and logs that it can read. Then this file checks every value and removes damaged ones.
 *
 * The cost: the content of damaged files is lost without a trace, so an older value, or a deleted one, may reappear.
 * The original files are kept beside the repaired ones.
 */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { msgpackCodec } from '../adapters/codec/msgpack-codec.ts'
import { unmarkDamaged } from '../adapters/level-disk/damaged-database.ts'
import { claimDirectory } from '../adapters/level-disk/directory-claim.ts'
import { refuseLocked, salvageFiles } from '../adapters/level-disk/level-database.ts'
import { openLevelDisk } from '../adapters/level-disk/level-disk.ts'
import { frameAll } from '../node/storage/frame-migration.ts'
import { decodeRecord } from '../node/wire/object-record.ts'
import { frame, unframe } from '../node/storage/record-frame.ts'
import { type RecordPage, readPage } from '../node/storage/record-page.ts'
import { FORMAT_WITHOUT_INDEX, metaKey } from '../node/storage/storage-keys.ts'
import { storedTopology } from '../node/identity/node-state.ts'
import { DATABASE_DIRECTORY } from './node-disk.ts'
import type { Disk, DiskOperation } from '../ports/disk.ts'
import type { Log } from '../ports/log.ts'

export interface RepairReport {
  /** The directory with the original files. */
  readonly before: string
  readonly readableKeys: number
  readonly damagedValues: number
  /** False if the buckets and the rest of the node's own state are lost. */
  readonly isStateKept: boolean
}

/** Every kind of key lies between these. */
const ALL_KEYS = ['a', '~'] as const
const PAGE = 256

/** Rejects with an error whose message is written for a person. */
export async function repairDatabase(dataDir: string, log: Log): Promise<RepairReport> {
  const directory = join(dataDir, DATABASE_DIRECTORY)
  const claim = await claimDirectory(directory)
  const time = new Date().toISOString().replace(/[^0-9]/g, '')
  const before = `${directory}.before-repair-${time}`
  try {
    await refuseLocked(directory)
    await cp(directory, before, { recursive: true, errorOnExist: true })
    await salvageFiles(directory)
    await unmarkDamaged(directory)
  } finally {
    await claim.release()
  }
  const disk = await openLevelDisk({ directory })
  try {
    // A directory of an older version has no checksums yet, and a value without a checksum would count as damaged.
    await frameAll(disk, msgpackCodec, log)
    const counts = await removeDamage(disk)
    const isStateKept = await storedTopology(disk, msgpackCodec).then(
      (document) => document !== undefined,
      () => false,
    )
    if (!isStateKept) await removeAll(disk, 'm/', 'm0')
    // Remove the index. The next start builds it again from the records.
    for (const letter of ['i', 'g', 'k']) await removeAll(disk, `${letter}/`, `${letter}0`)
    const format = metaKey('format')
    const value = frame(format, msgpackCodec.encode(FORMAT_WITHOUT_INDEX))
    await disk.write([{ type: 'put', key: format, value }], { sync: true })
    return { before, ...counts, isStateKept }
  } finally {
    await disk.close()
  }
}

async function removeDamage(
  disk: Disk,
): Promise<Pick<RepairReport, 'readableKeys' | 'damagedValues'>> {
  let readableKeys = 0
  let damagedValues = 0
  for (let from: string | undefined = ALL_KEYS[0]; from !== undefined;) {
    const { entries, next }: RecordPage = await readPage(disk, from, ALL_KEYS[1], PAGE)
    const operations: DiskOperation[] = []
    for (const [key, framed] of entries) {
      const isWhole = isReadable(key, framed)
      if (!isWhole) operations.push({ type: 'delete', key })
      if (!isWhole) damagedValues++
      else if (key.startsWith('d/')) readableKeys++
    }
    if (operations.length > 0) await disk.write(operations, { sync: false })
    from = next
  }
  return { readableKeys, damagedValues }
}

function isReadable(key: string, framed: Uint8Array): boolean {
  const value = unframe(key, framed)
  if (value === undefined || !/^[dh]/.test(key)) return value !== undefined
  try {
    decodeRecord(msgpackCodec, value)
    return true
  } catch {
    return false
  }
}

async function removeAll(disk: Disk, from: string, to: string): Promise<void> {
  for (let start: string | undefined = from; start !== undefined;) {
    const { entries, next }: RecordPage = await readPage(disk, start, to, PAGE)
    const operations = entries.map(([key]): DiskOperation => ({ type: 'delete', key }))
    if (operations.length > 0) await disk.write(operations, { sync: false })
    start = next
  }
}
