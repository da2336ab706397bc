import type { Fetch } from '../client/quorate.ts'
import type { Command } from '../command-line/command.ts'
import type { Sink } from '../terminal/sink.ts'

/** What a command needs of the process that runs it. Tests pass their own. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The token of each request: of --token-file, or of QUORATE_TOKEN. */
  readonly token?: string | undefined
  /** Results. */
  readonly out: Sink
  /** Errors, hints and progress. */
  readonly err: Sink
  /** Aborted by Ctrl-C. */
  readonly stop: AbortSignal
  /** Undefined for the `fetch` of Node.js. */
  readonly fetch?: Fetch | undefined
  readonly readInput: () => Promise<Uint8Array>
  /** Rejects with an error of Node.js that names the file. */
  readonly readFile: (path: string) => Promise<Uint8Array>
  /** The tables of the commands that scripts of the checkout run, by name. */
  readonly scriptTables: () => Promise<Readonly<Record<string, Command>>>
  /** The content of a file of any size, from its beginning. Rejects with an error of Node.js that names the file. */
  readonly readPieces: (path: string) => AsyncIterable<Uint8Array>
  /**
   * Resolves when the whole file is on the disk. Until then a file of that name stays as it is, and if `pieces` rejects,
   * it stays for good.
   */
  readonly saveFile: (path: string, pieces: AsyncIterable<Uint8Array>) => Promise<void>
}
