/**
 * Watches a file in the data directory through which experiments inject faults into this node. Each fault carries its
 * end time, so that it ends even if the program that wrote it is gone.
 */
import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import type { Log } from '../../ports/log.ts'

const POLL_INTERVAL_MS = 200

export interface FaultFile<T> {
  /** The parsed content of the file; undefined if there is no file, or it cannot be read. */
  current(): T | undefined
  stop(): void
}

/**
 * Reads the file now, and again whenever it changes; it need not exist. `parse` throws on a broken file. A broken file
 * counts as no fault, because it must not end the node.
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
      log.warn(
        { file, error: String(error) },
        'the fault file cannot be read: no faults are injected',
      )
    }
  }
  let isPolling = false
  const poll = async (): Promise<void> => {
    // One poll at a time: on a stalled disk every poll holds a thread of the pool.
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

/** Changes with the file; empty if there is no file. */
function versionOf(file: { mtimeMs: number; size: number; ino: number } | undefined): string {
  return file === undefined ? '' : `${file.mtimeMs}/${file.size}/${file.ino}`
}
