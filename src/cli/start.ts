/**
 * Connects the program to the process that runs it: streams, signals, exit code.
 *
 * Invariant: a reader of results that goes away (`| head`) ends the program quietly, and Ctrl-C ends it at once. Nobody
 * has to read errors: the exit code tells them, too.
 */
import { createReadStream, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { EXIT } from './outcome/exit-code.ts'
import { type CliWorld, isUnread, runProgram } from './run-program.ts'
import { saveFile } from './store/saved-file.ts'
import { type Sink, sinkOf } from '../terminal/sink.ts'

/** How long a request under way may take to end after Ctrl-C. */
const GRACE_MS = 1000

/** The scripts of a checkout. */
export interface Scripts {
  readonly handOver: NonNullable<CliWorld['handOver']>
  readonly tables: CliWorld['scriptTables']
}

/** Sets the exit code of the process. */
export async function start(argv: readonly string[], scripts: Scripts | undefined): Promise<void> {
  const stop = new AbortController()
  const interrupt = (): void => {
    if (stop.signal.aborted) process.exit(EXIT.interrupted)
    stop.abort(new DOMException('Interrupted by Ctrl-C.', 'AbortError'))
    setTimeout(() => process.exit(EXIT.interrupted), GRACE_MS).unref()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, interrupt)
  const world: CliWorld = {
    env: process.env,
    out: sinkOf(process.stdout),
    err: unreadSink(sinkOf(process.stderr)),
    stop: stop.signal,
    readInput: () => readInput(stop.signal),
    readFile: (path) => readFile(path),
    readPieces: (path) => createReadStream(path),
    saveFile,
    version: versionOf(new URL('../../package.json', import.meta.url)),
    scriptTables: scripts?.tables ?? (async () => ({})),
    handOver:
      scripts &&
      ((name, rest) => {
        // The script has its own answer to signals.
        for (const signal of signals) process.off(signal, interrupt)
        return scripts.handOver(name, rest)
      }),
  }
  try {
    process.exitCode = await runProgram(argv, world)
    // Standard input that nobody ends would keep the process alive. All output has been passed on.
    if (stop.signal.aborted) process.exit()
  } catch (error) {
    if (!isUnread(error)) throw error
    process.exitCode = EXIT.ok
  }
}

/** Ignores that its reader has gone. */
function unreadSink(sink: Sink): Sink {
  const write: Sink['write'] = async (data) => {
    try {
      await sink.write(data)
    } catch (error) {
      if (!isUnread(error)) throw error
    }
  }
  // A spread would copy the width, which must follow the window.
  return {
    ...sink,
    get columns() {
      return sink.columns
    },
    write,
  }
}

async function readInput(signal: AbortSignal): Promise<Uint8Array> {
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  return Promise.race([buffer(process.stdin), stopped])
}

function versionOf(manifest: URL): string {
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}
