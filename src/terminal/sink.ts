/** Where commands write: an output of the process, or a buffer of a test. */
import type { WriteStream } from 'node:tty'
import { wantsColours } from './style.ts'

/** For a terminal that does not tell its width. */
const COLUMNS_UNKNOWN = 80

export interface Sink {
  readonly isTerminal: boolean
  /** Whether colours may be used. */
  readonly isColoured: boolean
  /** The width of the terminal. Infinity elsewhere, because nothing is cut off there. */
  readonly columns: number
  /** Resolves when the data is on its way. Rejects if nobody reads it any more. */
  write(data: string | Uint8Array): Promise<void>
}

export function sinkOf(stream: WriteStream): Sink {
  // The promise of each write rejects with its own error.
  stream.on('error', () => undefined)
  const isTerminal = stream.isTTY === true
  return {
    isTerminal,
    isColoured: wantsColours(process.env, isTerminal),
    // Read each time, because people resize windows.
    get columns() {
      return isTerminal ? stream.columns || COLUMNS_UNKNOWN : Infinity
    },
    write: (data) =>
      new Promise((resolve, reject) => {
        stream.write(data, (error) => (error ? reject(error) : resolve()))
      }),
  }
}

export async function writeLines(sink: Sink, lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await sink.write(`${lines.join('\n')}\n`)
}

/** One line of JSON, which is the promised form of results (cli/README.md). */
export async function writeJson(sink: Sink, value: unknown): Promise<void> {
  await sink.write(`${JSON.stringify(value)}\n`)
}
