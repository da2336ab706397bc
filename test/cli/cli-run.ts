/** Runs `quorate` inside the process of a test, with streams that are buffers. */
import type { Command } from '../../src/command-line/command.ts'
import { runProgram } from '../../src/cli/run-program.ts'
import type { Sink } from '../../src/terminal/sink.ts'

export interface CliOptions {
  readonly endpoints?: readonly string[]
  /** Further variables. */
  readonly env?: Readonly<Record<string, string>>
  /** Whether standard output and standard error are a terminal without colours, of this width. */
  readonly terminal?: number
  readonly isColoured?: boolean
  readonly input?: Uint8Array
  readonly files?: Readonly<Record<string, Uint8Array>>
  /** Files that the command saves. */
  readonly saved?: Record<string, Uint8Array>
  readonly stop?: AbortSignal
  readonly tables?: Readonly<Record<string, Command>>
  readonly handOver?: (name: string, argv: readonly string[]) => Promise<number>
}

export interface CliEnded {
  readonly code: number
  readonly bytes: Buffer
  readonly printed: string
  readonly complained: string
}

/** A line is split at spaces. */
export async function quorate(
  line: string | readonly string[],
  options: CliOptions = {},
): Promise<CliEnded> {
  const {
    endpoints = [],
    env = {},
    terminal,
    isColoured = false,
    input,
    files = {},
    saved = {},
    handOver,
    tables = {},
  } = options
  const out: Uint8Array[] = []
  const err: Uint8Array[] = []
  const sink = (chunks: Uint8Array[]): Sink => ({
    isTerminal: terminal !== undefined,
    isColoured,
    columns: terminal ?? Infinity,
    write: async (data) => void chunks.push(Buffer.from(data as string)),
  })
  const argv = typeof line === 'string' ? line.split(' ') : line
  const code = await runProgram(argv, {
    env: { ...(endpoints.length === 0 ? {} : { QUORATE_ENDPOINTS: endpoints.join(',') }), ...env },
    out: sink(out),
    err: sink(err),
    stop: options.stop ?? new AbortController().signal,
    readInput: async () => input ?? new Uint8Array(0),
    readFile: async (path) => {
      const content = files[path]
      if (content === undefined)
        throw new Error(`ENOENT: no such file or directory, open '${path}'`)
      return content
    },
    readPieces: async function* (path) {
      const content = saved[path] ?? files[path]
      if (content === undefined)
        throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), {
          code: 'ENOENT',
        })
      for (let at = 0; at < content.length; at += 100) yield content.subarray(at, at + 100)
    },
    saveFile: async (path, pieces) => {
      const content: Uint8Array[] = []
      for await (const piece of pieces) content.push(piece)
      saved[path] = Buffer.concat(content)
    },
    version: '1.2.3',
    scriptTables: async () => tables,
    handOver,
  })
  const bytes = Buffer.concat(out)
  return { code, bytes, printed: bytes.toString(), complained: Buffer.concat(err).toString() }
}
