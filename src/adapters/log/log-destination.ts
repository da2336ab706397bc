/**
 * Writes log lines to a file descriptor: a file, a pipe, a socket or a terminal, any of which may fail. Logging never
 * stops the node: if the small buffer has no room for a line, the line is dropped and counted. When the descriptor
 * takes lines again, one line says how many are missing.
 *
 * It replaces pino's own destination (sonic-boom), whose flush at exit retries a failed write forever, and whose buffer
 * has no bound by default.
 *
 * Invariants: at most one write is under way, so at most one thread of the pool can be stuck in it. At most `bytesMax`
 * bytes wait.
 */
import { fstatSync, write, writeSync } from 'node:fs'

const BYTES_MAX = 1024 * 1024
const CHUNK_BYTES_MAX = 64 * 1024
/** After dropping lines, take lines again when the buffer is down to this share of its bound. */
const RESUME_SHARE = 0.5
/** The pause while a pipe is full because its reader is slow. */
const BUSY_RETRY_MS = 20
/** The pause after other failures: a full disk, a broken pipe, an I/O error. */
const FAILED_RETRY_MS = 500
/** A write that takes longer may never return: the disk is stalled, or the terminal is stopped. */
const STUCK_MS = 500
/** How long a process may take to write its last lines before it exits. */
const LAST_WORDS_MS = 200

export interface LogDestinationOptions {
  readonly fd: number
  readonly bytesMax?: number
}

export class LogDestination {
  readonly #fd: number
  readonly #bytesMax: number
  #lines: string[] = []
  /** The bytes of the waiting lines and of the chunk. */
  #bytes = 0
  /** The unwritten rest of the lines that are being written. */
  #chunk: Buffer | undefined
  #writingSinceMs: number | undefined
  #retry: NodeJS.Timeout | undefined
  #isScheduled = false
  #hasFailed = false
  #droppedInARow = 0
  #droppedLines = 0
  #waitingForIdle: (() => void)[] = []
  /** Called with the number of dropped lines when lines are taken again. It may log a line about them. */
  onResumed: (droppedLines: number) => void = () => undefined

  constructor({ fd, bytesMax = BYTES_MAX }: LogDestinationOptions) {
    this.#fd = fd
    this.#bytesMax = bytesMax
  }

  /** All lines dropped so far. */
  get droppedLines(): number {
    return this.#droppedLines
  }

  /** Whether every line is written. */
  get isIdle(): boolean {
    return this.#bytes === 0
  }

  /** Whether a thread of the pool may be stuck in a write. Then `process.exit` would wait for it forever. */
  get isStuck(): boolean {
    return this.#writingSinceMs !== undefined && performance.now() - this.#writingSinceMs > STUCK_MS
  }

  /** Takes one line, or drops it and returns false. Never throws, never waits. */
  write(line: string): boolean {
    this.#resumeIfRoom()
    const bytes = Buffer.byteLength(line)
    if (this.#droppedInARow > 0 || this.#bytes + bytes > this.#bytesMax) {
      this.#droppedInARow++
      this.#droppedLines++
      return false
    }
    this.#lines.push(line)
    this.#bytes += bytes
    if (this.#isScheduled) return true
    this.#isScheduled = true
    // Write at the end of the turn. If the process ends in this turn, flushSync still has the line and writes it.
    setImmediate(() => {
      this.#isScheduled = false
      this.#writeNext()
    })
    return true
  }

  /** Resolves when every line is written, when a write fails, or after `forMs`. */
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

  /** Writes the waiting lines synchronously, before the process ends. Gives up soon if that is not possible. */
  flushSync(): void {
    // Another write would be stuck too, and would block the main thread.
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
      // A failing log must not keep the process alive.
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
    // There is no other place to report this failure.
  }
}

/**
 * Makes a pipe or socket fail with EAGAIN instead of blocking, so that an unread one does not hold a thread. Node.js
 * does that when it opens its own stream over the descriptor. Files and terminals have no such mode.
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
