/**
 * The log file of one node process: where its output goes, and what it said last, for the one line that a
 * person reads when the node is gone.
 */
import { openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A log larger than this is put aside when its node starts; the one put aside before is dropped. */
const LOG_BYTES_MAX = 32 * 1024 * 1024
const WORDS_MAX = 300

export function logPath(nodeDir: string): string {
  return join(nodeDir, 'node.log')
}

/** Opens it to append. The caller closes the descriptor. */
export function openLog(nodeDir: string): number {
  const path = logPath(nodeDir)
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size > LOG_BYTES_MAX) renameSync(path, `${path}.1`)
  return openSync(path, 'a')
}

export function logSize(nodeDir: string): number {
  return statSync(logPath(nodeDir), { throwIfNoEntry: false })?.size ?? 0
}

/** The last thing written from the byte `from` on, in words; '' where there is nothing. */
export function lastWords(nodeDir: string, from = 0): string {
  const lines = readFileSync(logPath(nodeDir)).subarray(from).toString('utf8').split('\n')
  // A stack trace ends in lines that say where, the one before them says what.
  const line = lines.findLast((text) => /^\S/.test(text) && !/^(Node\.js v|[\^}])/.test(text))
  if (line === undefined) return ''
  // The program names itself and the node, as does whoever tells these words.
  const words = wordsOf(line).replace(/^quorate: ([a-z0-9-]+ cannot start: )?/, '')
  return words.slice(0, WORDS_MAX)
}

function wordsOf(line: string): string {
  try {
    const { msg, err } = JSON.parse(line) as {
      msg?: unknown
      err?: { message?: unknown }
    }
    const words = [msg, err?.message].filter((part) => typeof part === 'string' && part !== '')
    return words.length === 0 ? line : [...new Set(words)].join(': ')
  } catch {
    return line
  }
}
