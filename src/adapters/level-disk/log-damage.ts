/**
 * Reads LevelDB's logs, and finds damage in the middle of them. When LevelDB opens, it silently skips the unreadable
 * part of a log and continues after it: synced writes are lost while later ones are kept. Damage at the end of a log is
 * left to LevelDB. A log ends so when the power fails during a write, and that write was never acknowledged.
 *
 * The format (doc/log_format.md of LevelDB): blocks of 32 KiB, in them fragments of
 *
 *   u32 LE masked CRC-32C of type and data · u16 LE length · u8 type · data
 *
 * A batch is one fragment (full), or several (first, middle …, last). Only an intact fragment that *begins* a batch
 * after the damage proves damage in the middle, because the fragments of one torn batch may reach the disk in any
 * order.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { maskedCrc32c } from './crc32c.ts'

const BLOCK_BYTES = 32_768
const HEADER_BYTES = 7
const FULL = 1
const FIRST = 2
const LAST = 4

/** Whether any log of the closed database is damaged in its middle. */
export async function hasDamagedLog(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names.filter((file) => file.endsWith('.log'))) {
    if (isDamagedInside(await readFile(join(directory, name)))) return true
  }
  return false
}

export function isDamagedInside(log: Uint8Array): boolean {
  let isDamaged = false
  for (let start = 0; start < log.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, log.length)
    let at = start
    while (at + HEADER_BYTES <= end) {
      const length = (log[at + 4] as number) | ((log[at + 5] as number) << 8)
      const type = log[at + 6] as number
      const next = at + HEADER_BYTES + length
      // An empty header is padding of a block, or of a log file that was extended ahead of use.
      const isFiller = type === 0 && length === 0
      if (!isFiller && !isWhole(log, at, next, end)) isDamaged = true
      else if (isDamaged && (type === FULL || type === FIRST)) return true
      if (isFiller || next > end) break
      at = next
    }
  }
  return false
}

/** The records of a log, in order, up to the first damage. */
export function* logRecords(log: Uint8Array): Generator<Uint8Array> {
  let parts: Uint8Array[] = []
  for (let start = 0; start < log.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, log.length)
    for (let at = start; at + HEADER_BYTES <= end;) {
      const next = at + HEADER_BYTES + ((log[at + 4] as number) | ((log[at + 5] as number) << 8))
      const type = log[at + 6] as number
      if (type === 0 && next === at + HEADER_BYTES) break
      if (!isWhole(log, at, next, end)) return
      if (type === FULL || type === FIRST) parts = []
      parts.push(log.subarray(at + HEADER_BYTES, next))
      if (type === FULL || type === LAST) yield Buffer.concat(parts)
      at = next
    }
  }
}

function isWhole(log: Uint8Array, at: number, next: number, end: number): boolean {
  const type = log[at + 6] as number
  if (next > end || type < FULL || type > LAST) return false
  const masked = maskedCrc32c(log.subarray(at + 6, next))
  const stored =
    ((log[at] as number) |
      ((log[at + 1] as number) << 8) |
      ((log[at + 2] as number) << 16) |
      ((log[at + 3] as number) << 24)) >>>
    0
  return masked === stored
}
