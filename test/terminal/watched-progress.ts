/** Progress that a test reads: what a terminal would show at a time of the test's choice. */
import type { Progress, Work } from '../../src/terminal/progress.ts'

export class WatchedProgress implements Progress {
  /** What was shown when each piece of work, and each step of it, began. */
  readonly shown: Work[] = []
  /** One for each piece of work. */
  readonly looks = new Set<() => Work>()
  #look: (() => Work) | undefined

  show(look: () => Work): void {
    this.#look = look
    this.looks.add(look)
    this.shown.push(look())
  }

  end(): void {
    this.#look = undefined
  }

  /** Undefined before the work and after it. */
  get now(): Work | undefined {
    return this.#look?.()
  }
}
