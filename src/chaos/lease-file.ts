/**
 * The leases of one compose project: which faults are on, and until when. They are in a file, so that a later command
 * finds the faults of an earlier one, even if that command was killed.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './chaos-fault.ts'

export interface Lease {
  readonly id: string
  readonly fault: Fault
  /** The words of the command, to show to people. */
  readonly words: readonly string[]
  /** Wall clock in ms since 1970. */
  readonly untilMs: number
}

const LOCK_RETRY_MS = 50
/** The holder of the lock touches the lock file this often, however long its work takes. */
const LOCK_TOUCH_MS = 2000
/** A lock file untouched for this long belongs to a killed process, even if another process now has the same pid. */
const LOCK_MS_MAX = 30_000

export class LeaseFile {
  readonly #file: string
  readonly #lock: string

  constructor(directory: string, project: string) {
    mkdirSync(directory, { recursive: true })
    this.#file = join(directory, `${project}.json`)
    this.#lock = join(directory, `${project}.lock`)
  }

  read(): readonly Lease[] {
    try {
      return (JSON.parse(readFileSync(this.#file, 'utf8')) as { leases: Lease[] }).leases
    } catch {
      // The file is absent or broken. Healing works without it.
      return []
    }
  }

  write(leases: readonly Lease[]): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify({ leases }))
    renameSync(`${this.#file}.new`, this.#file)
  }

  /** Runs `work` while no other process breaks or heals this project. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    while (!this.#take()) await sleep(LOCK_RETRY_MS)
    const touch = setInterval(() => {
      const now = new Date()
      // The lock file can be missing only if this machine slept for long and another process took the lock.
      utimes(this.#lock, now, now).catch(() => undefined)
    }, LOCK_TOUCH_MS)
    try {
      return await work()
    } finally {
      clearInterval(touch)
      rmSync(this.#lock, { force: true })
    }
  }

  #take(): boolean {
    try {
      writeFileSync(this.#lock, String(process.pid), { flag: 'wx' })
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        // On a full disk the file may exist but be empty. It would lock out every command for a while.
        rmSync(this.#lock, { force: true })
        throw error
      }
      if (this.#isLeft()) rmSync(this.#lock, { force: true })
      return false
    }
  }

  /** Whether the process that holds the lock is gone, for example killed with SIGKILL. */
  #isLeft(): boolean {
    try {
      if (Date.now() - statSync(this.#lock).mtimeMs > LOCK_MS_MAX) return true
      process.kill(Number(readFileSync(this.#lock, 'utf8')), 0)
      return false
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ESRCH'
    }
  }
}
