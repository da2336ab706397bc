/**
 * The leases of one compose project: which faults are on, until when, and who keeps them. A file, so that any
 * later command finds what an earlier one left, whatever became of it.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './chaos-fault.ts'

export interface Lease {
  readonly id: string
  readonly fault: Fault
  /** The command, for people. */
  readonly words: readonly string[]
  /** Wall clock, ms since 1970. */
  readonly untilMs: number
}

const LOCK_RETRY_MS = 50
/** A holder touches its lock this often, however long its work takes. */
const LOCK_TOUCH_MS = 2000
/** A lock untouched for this long was left by a process that was killed, though another has its number now. */
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
      // Absent, or garbage: heal does not need it.
      return []
    }
  }

  write(leases: readonly Lease[]): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify({ leases }))
    renameSync(`${this.#file}.new`, this.#file)
  }

  /** Runs `work` while no other process of this project breaks or heals. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    while (!this.#take()) await sleep(LOCK_RETRY_MS)
    const touch = setInterval(() => {
      const now = new Date()
      // Not there any more only where this machine slept for long, and another took it.
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
        // On a full disk the file may be there, and empty: it would lock out every command for a while.
        rmSync(this.#lock, { force: true })
        throw error
      }
      if (this.#isLeft()) rmSync(this.#lock, { force: true })
      return false
    }
  }

  /** A holder that is gone (killed with -9, say) holds nothing. */
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
