/** Reads a range of keys from LevelDB, or from a snapshot of it, up to a number of entries and of bytes. */
import type { Database } from './level-database.ts'

/** LevelDB returns at most so many bytes of a range at a time. */
const READ_AHEAD_BYTES_MAX = 256 * 1024

export interface LevelRange {
  readonly from: string
  readonly to: string
  readonly limit: number
  readonly bytesMax: number
  /** Undefined means the database as it is now. */
  readonly snapshot?: ReturnType<Database['snapshot']>
}

export async function readRange(
  database: Database,
  { from, to, limit, bytesMax, snapshot }: LevelRange,
): Promise<[string, Uint8Array][]> {
  const highWaterMarkBytes = Math.min(bytesMax, READ_AHEAD_BYTES_MAX)
  const iterator = database.iterator({ gte: from, lt: to, limit, highWaterMarkBytes, snapshot })
  const entries: [string, Uint8Array][] = []
  try {
    for (let bytes = 0; entries.length < limit && bytes < bytesMax;) {
      const some = await iterator.nextv(limit - entries.length)
      if (some.length === 0) break
      for (const entry of some) {
        entries.push(entry)
        bytes += Buffer.byteLength(entry[0]) + entry[1].length
        if (bytes >= bytesMax) break
      }
    }
  } finally {
    await iterator.close()
  }
  return entries
}
