/**
 * A file in the data directory in which experiments ask a node to hurt itself. Each fault in it carries the moment
 * at which it ends, so that none outlives whoever wrote it.
 */
import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import type { Log } from '../../ports/log.ts'

const POLL_INTERVAL_MS = 200

export interface FaultFile<T> {
  /** What the file says; undefined where there is none, or one that cannot be read. */
  current(): T | undefined
  stop(): void
}

/**
 * Reads the file now, and again whenever it changes; it need not exist. Garbage is no fault: a node must not fail
 * over a broken file. `parse` throws on garbage.
 */
export function watchFaultFile<T>(
  file: string,
  parse: (content: unknown) => T,
  log: Log,
): FaultFile<T> {
  let current: T | undefined
  let seen = ''
  const take = (version: string, text: string): void => {
    seen = version
    try {
      current = version === '' ? undefined : parse(JSON.parse(text))
    } catch (error) {
      current = undefined
      log.warn({ file, error: String(error) }, 'the file of faults is not readable: no faults')
    }
  }
  let isPolling = false
  const poll = async (): Promise<void> => {
    // A disk that does not answer must not collect one thread of the pool after the other.
    if (isPolling) return
    isPolling = true
    const version = versionOf(await stat(file).catch(() => undefined))
    if (version !== seen) take(version, await readFile(file, 'utf8').catch(() => ''))
    isPolling = false
  }
  const version = versionOf(statSync(file, { throwIfNoEntry: false }))
  if (version !== '') take(version, readFileSync(file, 'utf8'))
  const timer = setInterval(() => void poll(), POLL_INTERVAL_MS)
  timer.unref()
  return { current: () => current, stop: () => clearInterval(timer) }
}

/** Empty for no file. */
function versionOf(file: { mtimeMs: number; size: number; ino: number } | undefined): string {
  return file === undefined ? '' : `${file.mtimeMs}/${file.size}/${file.ino}`
}
