/**
 * Progress as the last line of a terminal, below the lines that are printed meanwhile. If the output is not a terminal,
 * it shows nothing.
 *
 * Rule: before a caller prints a line, it calls `clear`. Otherwise the line would begin behind the bar.
 */
import type { Progress, Work } from './progress.ts'
import { ProgressLine } from './progress-line.ts'
import type { Sink } from './sink.ts'
import { TimeLeft, timeLeftWords } from './time-left.ts'

export interface BarClock {
  nowMs(): number
  /** Calls `task` again and again, until the returned function is called. Keeps no process alive. */
  every(ms: number, task: () => void): () => void
}

/** The line is drawn once in this time. New work is drawn at once. */
const INTERVAL_MS = 100
/** Work that has not lasted this long tells no times, because they would be guesses. */
const TIMES_FROM_MS = 2000

export class ProgressBar implements Progress {
  readonly #sink: Sink
  readonly #line: ProgressLine
  readonly #clock: BarClock
  #work: Watched | undefined
  #stopTimer: (() => void) | undefined
  #quietUntilMs = 0

  constructor(sink: Sink, clock: BarClock = SYSTEM_CLOCK) {
    this.#sink = sink
    this.#line = new ProgressLine(sink)
    this.#clock = clock
  }

  show(look: () => Work): void {
    if (!this.#sink.isTerminal) return
    if (this.#work?.look !== look) this.#work = new Watched(look, this.#clock.nowMs())
    this.#stopTimer ??= this.#clock.every(INTERVAL_MS, () => this.#tick())
    this.#draw(this.#work)
  }

  /**
   * Makes way for a printed line. The bar returns a while later, because another program may pass the line on to the
   * terminal, as `tee` does.
   */
  clear(): void {
    this.#quietUntilMs = this.#clock.nowMs() + INTERVAL_MS
    void this.#line.clear().catch(ignore)
  }

  end(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
    this.#work = undefined
    this.clear()
  }

  #tick(): void {
    if (this.#work !== undefined && this.#clock.nowMs() >= this.#quietUntilMs) {
      this.#draw(this.#work)
    }
  }

  #draw(work: Watched): void {
    const { share, text } = work.lookAt(this.#clock.nowMs())
    const drawn = share === undefined ? this.#line.tell(text) : this.#line.show(share, text)
    void drawn.catch(ignore)
  }
}

/** Work, and the times at which its text and its share changed. */
class Watched {
  readonly look: () => Work
  readonly #startMs: number
  #timeLeft: TimeLeft | undefined
  #text = ''
  #textSinceMs = 0

  constructor(look: () => Work, nowMs: number) {
    this.look = look
    this.#startMs = nowMs
  }

  /** The share is between 0 and 1; undefined if nobody knows it. */
  lookAt(nowMs: number): { readonly share: number | undefined; readonly text: string } {
    const { share, text } = this.look()
    if (text !== this.#text) this.#textSinceMs = nowMs
    this.#text = text
    const times = this.#timeWords(nowMs, share)
    return {
      share: share && (share.all === 0 ? 1 : share.done / share.all),
      text: times === '' ? text : `${text}, ${times}`,
    }
  }

  /**
   * The time left if it can be estimated. Otherwise the time since the text has changed: it shows that work goes on.
   */
  #timeWords(nowMs: number, share: Work['share']): string {
    if (share?.isEven === true) {
      this.#timeLeft ??= new TimeLeft(nowMs, share.done)
      const leftMs = this.#timeLeft.estimate(nowMs, share.done, share.all)
      if (leftMs !== undefined)
        return nowMs - this.#startMs < TIMES_FROM_MS ? '' : timeLeftWords(leftMs)
    }
    const lastsMs = nowMs - this.#textSinceMs
    return lastsMs < TIMES_FROM_MS ? '' : `for ${Math.floor(lastsMs / 1000)} s`
  }
}

const SYSTEM_CLOCK: BarClock = {
  nowMs: () => performance.now(),
  every: (ms, task) => {
    const timer = setInterval(task, ms).unref()
    return () => clearInterval(timer)
  },
}

/** A terminal that cannot be written to needs no bar, and the work goes on. */
function ignore(): void {}
