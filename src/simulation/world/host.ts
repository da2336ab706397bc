/**
 * The machine under one simulated node: its clock, its process, which may freeze or die, and the timers of that
 * process.
 *
 * Invariant: no task of a process that has ended ever runs.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { Schedule, Scheduled } from './schedule.ts'

/** The start of the wall clocks of a world: 2026-01-01T00:00:00Z. */
export const WALL_START_MS = 1_767_225_600_000
/** Machines boot at different times, so their monotonic clocks are unrelated. */
const BOOT_SPREAD_MS = 1_000_000

export class Host implements Clock {
  readonly id: string
  readonly schedule: Schedule
  /** Rises when a process ends or starts. It identifies the present life. */
  life = 0
  /** Local time is `base + (now - since) * rate`. */
  #rate = 1
  #baseMs: number
  #sinceUs = 0
  #wallOffsetMs: number
  /** Tasks that wait until the process continues; undefined while it is not frozen. */
  #frozen: (() => void)[] | undefined

  constructor(id: string, index: number, schedule: Schedule) {
    this.id = id
    this.schedule = schedule
    this.#baseMs = (index + 1) * BOOT_SPREAD_MS
    this.#wallOffsetMs = WALL_START_MS - this.#baseMs
  }

  monotonicMs(): number {
    return this.#baseMs + ((this.schedule.nowUs - this.#sinceUs) / 1000) * this.#rate
  }

  wallMs(): number {
    return this.monotonicMs() + this.#wallOffsetMs
  }

  /** How far the wall clock is ahead of the world's time, in ms. */
  get skewMs(): number {
    return this.wallMs() - WALL_START_MS - this.schedule.nowUs / 1000
  }

  /** Makes the wall clock jump by `ms`, forwards or backwards. */
  jump(ms: number): void {
    this.#wallOffsetMs += ms
  }

  /** From now on both clocks run `rate` times as fast as the world's time. */
  drift(rate: number): void {
    this.#baseMs = this.monotonicMs()
    this.#sinceUs = this.schedule.nowUs
    this.#rate = rate
  }

  /** Sets the right rate and the right time, as a time server does. */
  synchronise(): void {
    this.drift(1)
    this.jump(-this.skewMs)
  }

  get isFrozen(): boolean {
    return this.#frozen !== undefined
  }

  freeze(): void {
    this.#frozen ??= []
  }

  thaw(): void {
    const waiting = this.#frozen ?? []
    this.#frozen = undefined
    // Run them one after the other, like the event loop of a continued process.
    for (const task of waiting) this.schedule.after(0, () => this.run(task))
  }

  /** Ends the present life and drops everything that waits for it. */
  end(): void {
    this.life++
    this.#frozen = undefined
  }

  /** Binds `task` to the present life: it does nothing after that life has ended, and waits while it is frozen. */
  task(task: () => void): () => void {
    const { life } = this
    return () => {
      if (this.life === life) this.run(task)
    }
  }

  run(task: () => void): void {
    if (this.#frozen === undefined) task()
    else this.#frozen.push(this.task(task))
  }

  /** The world time that passes while this machine's clock advances by `localMs`. */
  worldUs(localMs: number): number {
    return Math.max(0, (localMs * 1000) / this.#rate)
  }

  /** The timers of the present life. */
  timers(): Timers {
    return {
      after: (delayMs, task) => this.#once(delayMs, task),
      every: (intervalMs, task) => this.#every(intervalMs, task),
      soon: (task) => this.schedule.soon(this.task(task)),
    }
  }

  #once(delayMs: number, task: () => void): Timer {
    let cancelled = false
    const due = this.task(() => {
      if (!cancelled) task()
    })
    const scheduled = this.schedule.after(this.worldUs(delayMs), due)
    return {
      cancel: () => {
        cancelled = true
        this.schedule.cancel(scheduled)
      },
    }
  }

  #every(intervalMs: number, task: () => void): Timer {
    let cancelled = false
    let scheduled: Scheduled
    const tick = this.task(() => {
      if (cancelled) return
      task()
      if (!cancelled) again()
    })
    const again = (): void => {
      scheduled = this.schedule.after(this.worldUs(intervalMs), tick)
    }
    again()
    return {
      cancel: () => {
        cancelled = true
        this.schedule.cancel(scheduled)
      },
    }
  }
}
