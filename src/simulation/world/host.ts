/**
 * The machine under one simulated node: its clock, the process that lives on it and may be frozen or die, and
 * the timers of that process. What belongs to a life that has ended never runs.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { Schedule, Scheduled } from './schedule.ts'

/** 2026-01-01T00:00:00Z: where the wall clocks of a world begin. */
export const WALL_START_MS = 1_767_225_600_000
/** Machines are booted at different times: their monotonic clocks have nothing to do with each other. */
const BOOT_SPREAD_MS = 1_000_000

export class Host implements Clock {
  readonly id: string
  readonly schedule: Schedule
  /** Rises with each process that is started here. */
  life = 0
  /** Local time is `base + (now - since) * rate`. */
  #rate = 1
  #baseMs: number
  #sinceUs = 0
  #wallOffsetMs: number
  /** Tasks that wait for the process to be resumed. */
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

  /** How far the wall clock is from the world's, in ms. */
  get skewMs(): number {
    return this.wallMs() - WALL_START_MS - this.schedule.nowUs / 1000
  }

  /** The wall clock jumps by `ms`, either way. */
  jump(ms: number): void {
    this.#wallOffsetMs += ms
  }

  /** From now on both clocks run `rate` times as fast as the world's. */
  drift(rate: number): void {
    this.#baseMs = this.monotonicMs()
    this.#sinceUs = this.schedule.nowUs
    this.#rate = rate
  }

  /** What a time server does: the right rate, and the right time. */
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
    // One after the other, as the event loop of a process that is continued finds them.
    for (const task of waiting) this.schedule.after(0, () => this.run(task))
  }

  /** Ends the life that is there, and all that waits for it. */
  end(): void {
    this.life++
    this.#frozen = undefined
  }

  /** `task` as a part of the present life: nothing once that has ended, later while it is frozen. */
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

  /** World time that passes while this machine's clock goes on by `localMs`. */
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
