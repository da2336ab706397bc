/**
 * Where log lines go: a file descriptor that may be a file, a pipe, a socket or a terminal, and that may fail.
 * Logging never stops the node: a line that finds no room in a small buffer is dropped and counted. When the
 * descriptor takes lines again, one line says how many are missing.
 *
 * pino's own destination (sonic-boom) is not used: its flush at exit retries a failed write for ever, and its
 * buffer has no bound by default.
 *
 * Invariants: at most one write is under way, so at most one thread of the pool can be stuck in it; no more than
 * `bytesMax` wait.
 */
import { fstatSync, write, writeSync } from 'node:fs'

const BYTES_MAX = 1024 * 1024
const CHUNK_BYTES_MAX = 64 * 1024
/** Once lines were dropped, lines are taken again when the buffer is down to this share of its bound. */
const RESUME_SHARE = 0.5
/** A pipe whose reader is slow. */
const BUSY_RETRY_MS = 20
/** A full disk, a broken pipe, an I/O error. */
const FAILED_RETRY_MS = 500
/** A write that takes longer may never return: a stalled disk, a stopped terminal. */
const STUCK_MS = 500
/** How long the last lines of a process may take to be written. */
const LAST_WORDS_MS = 200

export interface LogDestinationOptions {
  readonly fd: number
  readonly bytesMax?: number
}

export class LogDestination {
  readonly #fd: number
  readonly #bytesMax: number
  #lines: string[] = []
  /** Of the lines that wait, and of the chunk. */
  #bytes = 0
  /** The rest of what is being written. */
  #chunk: Buffer | undefined
  #writingSinceMs: number | undefined
  #retry: NodeJS.Timeout | undefined
  #isScheduled = false
  #hasFailed = false
  #droppedInARow = 0
  #droppedLines = 0
  #waitingForIdle: (() => void)[] = []
  /** Told how many lines were dropped when lines are taken again: it may log a line about them. */
  onResumed: (droppedLines: number) => void = () => undefined

  constructor({ fd, bytesMax = BYTES_MAX }: LogDestinationOptions) {
    this.#fd = fd
    this.#bytesMax = bytesMax
  }

  /** All lines dropped so far. */
  get droppedLines(): number {
    return this.#droppedLines
  }

  /** Whether a thread of the pool may be stuck in a write: `process.exit` would wait for it for ever. */
  get isStuck(): boolean {
    return this.#writingSinceMs !== undefined && performance.now() - this.#writingSinceMs > STUCK_MS
  }

  /** Takes one line, or drops it. Never throws, never waits. */
  write(line: string): void {
    this.#resumeIfRoom()
    const bytes = Buffer.byteLength(line)
    if (this.#droppedInARow > 0 || this.#bytes + bytes > this.#bytesMax) {
      this.#droppedInARow++
      this.#droppedLines++
      return
    }
    this.#lines.push(line)
    this.#bytes += bytes
    if (this.#isScheduled) return
    this.#isScheduled = true
    // At the end of the turn: a process that ends in this turn still has the line, and writes it itself (flushSync).
    setImmediate(() => {
      this.#isScheduled = false
      this.#writeNext()
    })
  }

  /** Resolves when every line is written, or cannot be now, or `forMs` have passed. */
  flush(forMs: number): Promise<void> {
    if (this.#bytes === 0 || this.#hasFailed) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, forMs)
      this.#waitingForIdle.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Writes what waits before the process ends at once. Gives up soon where that is not possible. */
  flushSync(): void {
    // A write on top of a stuck one would be stuck, too, and this time in the main thread.
    if (this.isStuck) return
    const isWriting = this.#writingSinceMs !== undefined
    const chunk = isWriting || this.#chunk === undefined ? [] : [this.#chunk]
    let rest: Buffer = Buffer.concat([...chunk, Buffer.from(this.#lines.join(''))])
    this.#lines = []
    const untilMs = performance.now() + LAST_WORDS_MS
    while (rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest))
      } catch (error) {
        if (!isBusy(error) || performance.now() > untilMs) return
        pause(BUSY_RETRY_MS)
      }
    }
  }

  #writeNext(): void {
    if (this.#writingSinceMs !== undefined || this.#retry !== undefined) return
    this.#chunk ??= this.#takeChunk()
    if (this.#chunk === undefined) {
      this.#tellIdle()
      return
    }
    this.#writingSinceMs = performance.now()
    write(this.#fd, this.#chunk, (error, written) => this.#wrote(error, written))
  }

  #wrote(error: Error | null, written: number): void {
    this.#writingSinceMs = undefined
    if (error !== null) {
      if (!isBusy(error)) {
        this.#hasFailed = true
        this.#tellIdle()
      }
      this.#retry = setTimeout(
        () => {
          this.#retry = undefined
          this.#writeNext()
        },
        isBusy(error) ? BUSY_RETRY_MS : FAILED_RETRY_MS,
      )
      // A log that cannot be written keeps no process alive.
      this.#retry.unref()
      return
    }
    this.#hasFailed = false
    this.#bytes -= written
    const chunk = this.#chunk as Buffer
    this.#chunk = written < chunk.length ? chunk.subarray(written) : undefined
    this.#resumeIfRoom()
    this.#writeNext()
  }

  #takeChunk(): Buffer | undefined {
    let bytes = 0
    let count = 0
    while (count < this.#lines.length && bytes < CHUNK_BYTES_MAX) {
      bytes += Buffer.byteLength(this.#lines[count] as string)
      count++
    }
    return count === 0 ? undefined : Buffer.from(this.#lines.splice(0, count).join(''))
  }

  #resumeIfRoom(): void {
    if (this.#droppedInARow === 0 || this.#bytes > this.#bytesMax * RESUME_SHARE) return
    const dropped = this.#droppedInARow
    this.#droppedInARow = 0
    this.onResumed(dropped)
  }

  #tellIdle(): void {
    for (const tell of this.#waitingForIdle.splice(0)) tell()
  }
}

/** The standard output of this process. */
export function standardOutput(): LogDestination {
  return new LogDestination({ fd: openWithoutBlocking('stdout') })
}

/** Writes one line to the standard error output, if that is possible now. */
export function complain(line: string): void {
  try {
    writeSync(openWithoutBlocking('stderr'), `${line}\n`)
  } catch {
    // Nobody is left to be told.
  }
}

/**
 * A pipe or socket is set to fail with EAGAIN rather than to block, so that an unread one takes no thread. Node
 * does that when it opens its own stream over the descriptor. Files and terminals have no such state.
 */
function openWithoutBlocking(name: 'stdout' | 'stderr'): number {
  const fd = name === 'stdout' ? 1 : 2
  const stat = fstatSync(fd)
  return stat.isFIFO() || stat.isSocket() ? process[name].fd : fd
}

function isBusy(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN'
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
