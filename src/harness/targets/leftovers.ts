/** Counts the keys that are left on the disk of a node that has left, without those about the node itself. */
import { join } from 'node:path'
import { Level } from 'level'

/** Records, promises, hints, and damaged bytes that were set aside (src/node/storage/storage-keys.ts). */
const KEPT = /^[dphx]\//

/** The node must be stopped. */
export async function countLeftovers(dataDir: string): Promise<number> {
  const database = new Level<string, Uint8Array>(join(dataDir, 'db'), { valueEncoding: 'buffer' })
  let count = 0
  try {
    for await (const key of database.keys()) if (KEPT.test(key)) count++
  } finally {
    await database.close()
  }
  return count
}
