/**
 * Virtual time: the queue of future events, in order. It knows nothing of nodes.
 *
 * Invariants: time never goes back. Events of the same time run in the order in which they were scheduled. So the same
 * calls give the same run. A loop that never ends throws after a number of events, however fast the machine is.
 */
import { assert } from '../../core/assert.ts'
import { inNextTurn } from './turns.ts'

export interface Scheduled {
  readonly atUs: number
  readonly order: number
  /** Undefined after it has run or was cancelled. */
  task: (() => void) | undefined
}

/** Hundreds of times as many as a run needs. */
const EVENTS_PER_SECOND_MAX = 500_000
const SECOND_US = 1_000_000

export class Schedule {
  #nowUs = 0
  #order = 0
  /** A binary heap by time, then by order. */
  readonly #heap: Scheduled[] = []
  /** Tasks that run after everything that is due now, before time advances. */
  #soon: (() => void)[] = []
  #soonNext = 0
  /** Events run so far. */
  events = 0
  /** When the present second began, and how many events had run by then. */
  #secondBeganUs = 0
  #eventsBefore = 0

  /** Microseconds since the world began. */
  get nowUs(): number {
    return this.#nowUs
  }

  /** Runs `task` after `delayUs`. */
  after(delayUs: number, task: () => void): Scheduled {
    assert(delayUs >= 0, () => `nothing is scheduled in the past: ${delayUs}`)
    const scheduled = { atUs: this.#nowUs + Math.ceil(delayUs), order: this.#order++, task }
    this.#push(scheduled)
    return scheduled
  }

  /** Runs `task` at the present time, after everything that is due now. */
  soon(task: () => void): void {
    this.#soon.push(task)
  }

  cancel(scheduled: Scheduled): void {
    scheduled.task = undefined
  }

  /** Runs the next event that is due by `untilUs`. If there is none, sets the time to `untilUs` and returns false. */
  runNext(untilUs: number): boolean {
    for (;;) {
      const top = this.#heap[0]
      if (top !== undefined && top.task === undefined) {
        this.#pop()
        continue
      }
      const waits = this.#soonNext < this.#soon.length
      if (waits && (top === undefined || top.atUs > this.#nowUs)) {
        this.#runSoon()
        return true
      }
      if (top === undefined || top.atUs > untilUs) {
        if (Number.isFinite(untilUs)) this.#nowUs = Math.max(this.#nowUs, untilUs)
        return false
      }
      this.#pop()
      assert(top.atUs >= this.#nowUs, 'time never goes back')
      this.#nowUs = top.atUs
      const { task } = top
      top.task = undefined
      this.#count()
      task?.()
      return true
    }
  }

  #count(): void {
    this.events++
    if (this.#nowUs - this.#secondBeganUs >= SECOND_US) {
      this.#secondBeganUs = this.#nowUs
      this.#eventsBefore = this.events
    }
    assert(
      this.events - this.#eventsBefore <= EVENTS_PER_SECOND_MAX,
      'an endless loop: too many events within a second',
    )
  }

  #runSoon(): void {
    const task = this.#soon[this.#soonNext++] as () => void
    if (this.#soonNext === this.#soon.length) {
      this.#soon = []
      this.#soonNext = 0
    }
    this.#count()
    task()
  }

  #push(added: Scheduled): void {
    const heap = this.#heap
    let i = heap.length
    heap.push(added)
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = heap[parent] as Scheduled
      if (isBefore(above, added)) break
      heap[i] = above
      i = parent
    }
    heap[i] = added
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Scheduled
    const { length } = heap
    if (length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= length) break
      if (child + 1 < length && isBefore(heap[child + 1] as Scheduled, heap[child] as Scheduled)) {
        child++
      }
      if (isBefore(last, heap[child] as Scheduled)) break
      heap[i] = heap[child] as Scheduled
      i = child
    }
    heap[i] = last
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order)
}

/**
 * How many events are given to the event loop at once. It drains the microtasks between two of them. A turn of the loop
 * costs as much as a few events, and so does the rest of a batch after the end of a run: most runs are short.
 */
const BATCH = 32

/**
 * Runs events until `untilUs`, or until `isDone` is true. Between two events all settled promises continue, so that an
 * event and its consequences are one step of the world. Rejects with the error that an event throws.
 */
export function runSchedule(
  schedule: Schedule,
  untilUs: number,
  isDone: () => boolean = () => false,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let ended = false
    const step = (): void => {
      if (ended) return
      try {
        if (!isDone() && schedule.runNext(untilUs)) return
        ended = true
        resolve()
      } catch (error) {
        ended = true
        reject(error as Error)
      }
    }
    const pump = (): void => {
      for (let i = 0; i < BATCH; i++) inNextTurn(step)
      inNextTurn(() => {
        if (!ended) pump()
      })
    }
    pump()
  })
}
