/**
 * The log file of one node process: where its output goes, and what it said last, for the one line that a
 * person reads when the node is gone.
 */
import { closeSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A log larger than this is put aside when its node starts; the one put aside before is dropped. */
const LOG_BYTES_MAX = 32 * 1024 * 1024
const WORDS_MAX = 300
/** The last words are looked for in no more than this. */
const TAIL_BYTES_MAX = 64 * 1024

export function logPath(nodeDir: string): string {
  return join(nodeDir, 'node.log')
}

/** Opens it to append. The caller closes the descriptor. Errors: an Error that names the file. */
export function openLog(nodeDir: string): number {
  const path = logPath(nodeDir)
  if (logSize(nodeDir) > LOG_BYTES_MAX) renameSync(path, `${path}.1`)
  return openSync(path, 'a')
}

/** 0 where there is no log, or it cannot be looked at. */
export function logSize(nodeDir: string): number {
  try {
    return statSync(logPath(nodeDir), { throwIfNoEntry: false })?.size ?? 0
  } catch {
    return 0
  }
}

/**
 * The last thing written from the byte `from` on, in words; '' where there is nothing, or it cannot be read: whoever
 * asks has a death to report, and must not die of it.
 */
export function lastWords(nodeDir: string, from = 0): string {
  const lines = tailFrom(nodeDir, from).split('\n')
  // A stack trace ends in lines that say where, the one before them says what.
  const line = lines.findLast((text) => /^\S/.test(text) && !/^(Node\.js v|[\^}])/.test(text))
  if (line === undefined) return ''
  // The program names itself and the node, as does whoever tells these words.
  const words = wordsOf(line).replace(/^quorate: ([a-z0-9-]+ cannot start: )?/, '')
  return words.slice(0, WORDS_MAX)
}

function tailFrom(nodeDir: string, from: number): string {
  try {
    const log = openSync(logPath(nodeDir), 'r')
    try {
      const start = Math.max(from, logSize(nodeDir) - TAIL_BYTES_MAX)
      const tail = Buffer.alloc(TAIL_BYTES_MAX)
      return tail.toString('utf8', 0, readSync(log, tail, 0, TAIL_BYTES_MAX, start))
    } finally {
      closeSync(log)
    }
  } catch {
    return ''
  }
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
