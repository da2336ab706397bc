/**
 * Reads from LevelDB's manifest which tables are in use. The manifest is a log (log-damage.ts) of changes, each a list
 * of fields (db/version_edit.cc of LevelDB). LevelDB finds damage of the manifest itself: it checks every change when
 * it opens.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { logRecords } from './log-damage.ts'
import { readVarint } from './snappy.ts'

export interface TableFile {
  readonly number: number
  readonly bytes: number
}

const COMPARATOR = 1
const LOG_NUMBER = 2
const NEXT_FILE_NUMBER = 3
const LAST_SEQUENCE = 4
const COMPACT_POINTER = 5
const DELETED_FILE = 6
const NEW_FILE = 7
const PREVIOUS_LOG_NUMBER = 9

/**
 * What is wrong with the file CURRENT, which names the manifest. If it is missing, LevelDB would create a new database;
 * if it is damaged, LevelDB would report an I/O error.
 */
export async function findDamagedCurrent(directory: string): Promise<string | undefined> {
  const names = await readdir(directory)
  if (!names.includes('CURRENT')) {
    // A crash while the database is created leaves only the first manifest. Then nothing is lost.
    const hasOthers = names.some((name) => /^MANIFEST-(?!000001$)|\.(ldb|sst|log)$/.test(name))
    return hasOthers ? 'the file CURRENT is missing' : undefined
  }
  const current = await readFile(join(directory, 'CURRENT'), 'utf8')
  const name = /^(MANIFEST-\d+)\n$/.exec(current)?.[1]
  return name !== undefined && names.includes(name)
    ? undefined
    : 'the file CURRENT names no manifest'
}

/** Empty if there is no database, or its manifest cannot be read. LevelDB reports that itself. */
export async function tablesInUse(directory: string): Promise<TableFile[]> {
  try {
    const name = (await readFile(join(directory, 'CURRENT'), 'utf8')).trimEnd()
    return tablesAfter(logRecords(await readFile(join(directory, name))))
  } catch {
    return []
  }
}

function tablesAfter(changes: Iterable<Uint8Array>): TableFile[] {
  const tables = new Map<number, TableFile>()
  for (const change of changes) {
    let at = 0
    const number = (): number => {
      const { value, next } = readVarint(change, at)
      if (next < 0) throw new Error('a change of the manifest is cut short')
      at = next
      return value
    }
    const skipText = (): void => {
      const length = number()
      at += length
    }
    while (at < change.length) {
      const field = number()
      switch (field) {
        case COMPARATOR:
          skipText()
          break
        case LOG_NUMBER:
        case NEXT_FILE_NUMBER:
        case LAST_SEQUENCE:
        case PREVIOUS_LOG_NUMBER:
          number()
          break
        case COMPACT_POINTER:
          number()
          skipText()
          break
        case DELETED_FILE:
          number()
          tables.delete(number())
          break
        case NEW_FILE: {
          number()
          const table = { number: number(), bytes: number() }
          skipText()
          skipText()
          tables.set(table.number, table)
          break
        }
        default:
          throw new Error(`the manifest has a field ${field}`)
      }
    }
  }
  return [...tables.values()]
}
