/** The steps of a measurement as its progress: how much of it is done, and which step is under way. */
import type { Progress, Work } from '../terminal/progress.ts'

export class Steps {
  #done = 0
  #size = 0
  #text = ''
  readonly #progress: Progress
  readonly #look: () => Work

  /** `all` is the size of all steps together: their number, or how many seconds they will load the systems. */
  constructor(progress: Progress, all: number, unit: 'steps' | 'seconds') {
    const isEven = unit === 'seconds'
    this.#progress = progress
    this.#look = () => ({ text: this.#text, share: { done: this.#done, all, isEven } })
  }

  /** The step before has ended. */
  begin(text: string, size = 1): void {
    this.#done += this.#size
    this.#size = size
    this.#text = text
    this.#progress.show(this.#look)
  }
}
