/**
 * The log file of one node process. It takes the output of the process, and its last words explain to a person why the
 * process ended.
 */
import { closeSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A larger log is renamed when its node starts; the previously renamed log is replaced. */
const LOG_BYTES_MAX = 32 * 1024 * 1024
const WORDS_MAX = 300
/** How many bytes at the end of the log are searched for the last words. */
const TAIL_BYTES_MAX = 64 * 1024

export function logPath(nodeDir: string): string {
  return join(nodeDir, 'node.log')
}

/** Opens the log to append. The caller closes the descriptor. Throws an error that names the file. */
export function openLog(nodeDir: string): number {
  const path = logPath(nodeDir)
  if (logSize(nodeDir) > LOG_BYTES_MAX) renameSync(path, `${path}.1`)
  return openSync(path, 'a')
}

/** 0 if there is no log, or its size cannot be read. */
export function logSize(nodeDir: string): number {
  try {
    return statSync(logPath(nodeDir), { throwIfNoEntry: false })?.size ?? 0
  } catch {
    return 0
  }
}

/**
 * The last message written after the first `from` bytes; '' if there is none or the log cannot be read. It never
 * throws, because the caller reports the end of a node and must not fail itself.
 */
export function lastWords(nodeDir: string, from = 0): string {
  const lines = tailFrom(nodeDir, from).split('\n')
  // A stack trace ends in indented lines; the line before them is the message.
  const line = lines.findLast((text) => /^\S/.test(text) && !/^(Node\.js v|[\^}])/.test(text))
  if (line === undefined) return ''
  // Drop the prefix that names the program and the node, because the caller names the node too.
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
