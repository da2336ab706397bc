/**
 * Opens the database of this node and decides whether the stored state of the node can be trusted. If it cannot, the
 * database is set aside like one that LevelDB finds damaged, and the node starts empty and is filled by the others.
 *
 * A single node has no other node to be filled from. Its start fails with a message that says how to save the rest.
 */
import { join } from 'node:path'
import { msgpackCodec } from '../adapters/codec/msgpack-codec.ts'
import { isDamage } from '../adapters/level-disk/damaged-database.ts'
import { openLevelDisk, type OpenedDisk } from '../adapters/level-disk/level-disk.ts'
import { frameAll } from '../node/storage/frame-migration.ts'
import { storedTopology } from '../node/identity/node-state.ts'
import { unframe } from '../node/storage/record-frame.ts'
import { metaKey, STORAGE_FORMAT } from '../node/storage/storage-keys.ts'
import { parseTopology } from '../node/topology/topology-document.ts'
import { DiskError } from '../ports/disk.ts'
import type { Log } from '../ports/log.ts'
import type { Settings } from './settings/settings.ts'

export const DATABASE_DIRECTORY = 'db'

/** The database of a single node is damaged. Only a person can decide what to do. */
export class DamagedAloneError extends Error {}

export interface NodeDisk {
  readonly disk: OpenedDisk
  /** The topology document that the node stored; undefined if it has none, or if its state was lost. */
  readonly topology: string | undefined
}

/** Rejects with a message for a person. `onBroken` is called once if damage is found while the disk is in use. */
export async function openNodeDisk(
  { dataDir, members }: Pick<Settings, 'dataDir' | 'members'>,
  onBroken: (error: Error) => void,
  log: Log,
): Promise<NodeDisk> {
  const directory = join(dataDir, DATABASE_DIRECTORY)
  const isAlone = members.length === 1
  const onDamaged = (reason: string): void =>
    onBroken(new Error(`${reason}: the next start sets ${directory} aside and fills this node`))
  const onMoved = (reason: string): void => onBroken(new Error(reason))
  const options = isAlone ? { directory, onMoved } : { directory, onDamaged, onMoved }
  let disk: OpenedDisk
  try {
    disk = await openLevelDisk(options)
  } catch (error) {
    throw isAlone && isDamage(error) ? alone(directory, error as Error) : error
  }
  const newer = await newerFormat(disk)
  if (newer !== undefined) {
    await disk.close()
    throw new Error(`the data directory has format ${newer}, this version has ${STORAGE_FORMAT}`)
  }
  const { topology, damage } = await readState(disk, log)
  if (damage !== undefined) {
    if (isAlone) {
      await disk.close()
      throw alone(directory, damage)
    }
    await disk.giveUp(damage.message)
    disk = await openLevelDisk(options)
  }
  if (disk.setAside !== undefined) {
    const { setAside } = disk
    const message = 'the database was damaged: this node starts empty'
    log.error({ setAside, ...(damage && { reason: damage.message }) }, message)
  }
  if (disk.hasLostWrites) {
    const message =
      'synced writes are missing from this database: they are copied from the other nodes'
    log.error({ directory }, message)
  }
  return { disk, topology }
}

/** The format of a later version, or undefined. Checked first, because its records may look damaged to this version. */
async function newerFormat(disk: OpenedDisk): Promise<number | undefined> {
  const key = metaKey('format')
  const [framed] = await disk.getMany([key])
  const value = framed && unframe(key, framed)
  const format = value && msgpackCodec.decode(value)
  return typeof format === 'number' && format > STORAGE_FORMAT ? format : undefined
}

interface State {
  readonly topology: string | undefined
  /** Why the stored state of the node cannot be trusted; undefined if it can. */
  readonly damage: Error | undefined
}

/** Rejects with a `DiskError`. */
async function readState(disk: OpenedDisk, log: Log): Promise<State> {
  try {
    // A crash may have interrupted the migration, so that some values have no checksum yet. Finish it, so that these
    // values do not count as damaged.
    await frameAll(disk, msgpackCodec, log)
    const topology = await storedTopology(disk, msgpackCodec)
    // Damage from before the migration got a valid checksum, so only parsing finds it.
    if (topology !== undefined) parseTopology(topology)
    return { topology, damage: undefined }
  } catch (error) {
    if (error instanceof DiskError) throw error
    return { topology: undefined, damage: error as Error }
  }
}

function alone(directory: string, cause: Error): Error {
  return new DamagedAloneError(
    `the database ${directory} is damaged (${cause.message}), and no other node has copies of its keys. ` +
      'Run `node src/main.ts --repair` with the same settings: it keeps these files beside the new ones and saves ' +
      'what can be read. Values in damaged files are lost, and older values may take their place',
    { cause },
  )
}
