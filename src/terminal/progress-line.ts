/** One line at the bottom of a terminal that is written again and again, and leaves nothing behind. */
import { shortened, visible } from './terminal-text.ts'
import type { Sink } from './sink.ts'

/** Returns to the first column and erases the line. */
const ERASE = '\r\u001b[2K'
const BAR_COLUMNS = 24

export class ProgressLine {
  readonly #sink: Sink
  #shown = ''

  /** If the sink is not a terminal, the line shows nothing. */
  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** `share` of the work is done: 0 to 1. */
  show(share: number, text: string): Promise<void> {
    return this.#write(`${barText(share)} ${visible(text)}`)
  }

  /** For work whose end is not known: a line without a bar. */
  tell(text: string): Promise<void> {
    return this.#write(visible(text))
  }

  async #write(text: string): Promise<void> {
    const { isTerminal, columns } = this.#sink
    if (!isTerminal) return
    // In the last column some terminals would begin a new line.
    const line = shortened(text, columns - 1)
    if (line === this.#shown) return
    this.#shown = line
    await this.#sink.write(`${ERASE}${line}`)
  }

  /** Call before anything else is written, and at the end. */
  async clear(): Promise<void> {
    if (this.#shown === '') return
    this.#shown = ''
    await this.#sink.write(ERASE)
  }
}

/** For example `[######------]  50 %`. */
function barText(share: number): string {
  const part = Math.max(0, Math.min(1, share))
  const full = Math.floor(part * BAR_COLUMNS)
  const percent = String(Math.floor(part * 100)).padStart(3)
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_COLUMNS - full)}] ${percent} %`
}
