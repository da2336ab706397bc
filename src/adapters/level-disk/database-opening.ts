/**
 * Opens a database after a clean stop or a crash, and finds out whether it is complete. LevelDB does not notice a
 * changed byte in a table, a log or manifest that ends too early, or a missing CURRENT file; it continues without the
 * unreadable data. So this file checks LevelDB's files first, before opening removes or rewrites some of them.
 */
import type { Ballast } from './ballast.ts'
import { isDamage, isMarkedDamaged, markDamaged, markLossy, setAside } from './damaged-database.ts'
import { claimDirectory, type DirectoryClaim } from './directory-claim.ts'
import {
  type Database,
  isNoSpace,
  openDatabase,
  refuseLocked,
  sentenceOf,
} from './level-database.ts'
import { hasDamagedLog } from './log-damage.ts'
import { findDamagedCurrent, tablesInUse } from './manifest.ts'
import { makeDirectory } from './space-watch.ts'
import { SyncedFile } from './synced-file.ts'
import { findDamagedTable } from './table-damage.ts'

export interface OpeningOptions {
  readonly directory: string
  readonly writeBufferSize: number
  readonly ballast: Ballast
  /** Whether to set a damaged database aside and start empty. Otherwise LevelDB opens what it can. */
  readonly mayReplace: boolean
}

export interface Opening {
  readonly database: Database
  readonly claim: DirectoryClaim
  readonly synced: SyncedFile
  /** The new place of the damaged database that this one replaces; undefined if there was none. */
  readonly setAside: string | undefined
}

/** Rejects with an error whose message is written for a person. */
export async function openWholeDatabase(options: OpeningOptions): Promise<Opening> {
  const { directory, mayReplace } = options
  const claim = await claimDirectory(directory)
  try {
    // Check LevelDB's lock too: a process in another container does not see the claim, and the files of a database in
    // use may look damaged.
    await refuseLocked(directory)
    if (mayReplace && isMarkedDamaged(directory)) {
      const aside = await setAside(directory)
      await claim.release()
      await makeDirectory(directory)
      return { ...(await openWholeDatabase(options)), setAside: aside }
    }
    const { database, synced } = await openClaimed(options)
    return { database, claim, synced, setAside: undefined }
  } catch (error) {
    await claim.release()
    if (!mayReplace || !isDamage(error)) throw error
    await markDamaged(directory, sentenceOf(error))
    return openWholeDatabase(options)
  }
}

async function openClaimed({
  directory,
  writeBufferSize,
  ballast,
  mayReplace,
}: OpeningOptions): Promise<Pick<Opening, 'database' | 'synced'>> {
  // Always check CURRENT: without this file LevelDB would create a new database and remove every table.
  const damage = await (mayReplace ? findDamage(directory) : findDamagedCurrent(directory))
  if (damage !== undefined) throw Object.assign(new Error(damage), { code: 'LEVEL_CORRUPTION' })
  if (mayReplace && (await hasDamagedLog(directory))) await markLossy(directory)
  const open = (): Promise<Database> =>
    openDatabase(directory, { writeBufferSize, createIfMissing: true })
  const database = await open().catch(async (error: unknown) => {
    if (isNoSpace(error) && (await ballast.release())) return open()
    throw error
  })
  try {
    if (mayReplace && (await SyncedFile.isBehind(directory, database))) await markLossy(directory)
    return { database, synced: await SyncedFile.open(directory, database) }
  } catch (error) {
    await database.close()
    throw error
  }
}

async function findDamage(directory: string): Promise<string | undefined> {
  const damage = await findDamagedCurrent(directory)
  return damage ?? findDamagedTable(directory, await tablesInUse(directory))
}
