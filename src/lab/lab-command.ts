/** The command `npm run lab`: serves the lab on this machine, or writes it as static files. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { command } from '../command-line/command.ts'
import { parseCommand } from '../command-line/parse-command.ts'
import { type CommandOutput, runCommand } from '../command-line/run-command.ts'
import { buildSite, serveSite, type Site } from './lab-site.ts'

export interface LabWorld extends CommandOutput {
  /** Aborted to stop serving. */
  readonly stop: AbortSignal
}

interface LabArguments {
  readonly out: string | undefined
  readonly port: number
}

const PORT = 8090
const EXIT_OK = 0
const EXIT_FAILED = 1

const LAB_COMMAND = command({
  name: 'lab',
  call: 'npm run lab --',
  about:
    'Serves the lab: a web page with a simulated cluster, in which you break the network and the nodes and see every ' +
    'promise judged. It needs no cluster and no network.',
  options: {
    out: {
      kind: 'text',
      placeholder: 'DIR',
      without: ['port'],
      about: 'Writes the page as static files for any web server instead. Other files in DIR stay.',
    },
    port: {
      kind: 'number',
      min: 1,
      max: 65_535,
      default: PORT,
      about: 'The port on 127.0.0.1 to serve it on.',
    },
  },
  examples: ['npm run lab', 'npm run lab -- --out site'],
  exitCodes: [
    [EXIT_OK, 'the files are written, or serving was stopped'],
    [EXIT_FAILED, 'the files cannot be written, or the port is taken'],
  ],
})

/** Runs the command and returns its exit code. */
export function labCommand(argv: readonly string[], world: LabWorld): Promise<number> {
  const read = (): LabArguments | undefined => parseCommand(LAB_COMMAND, argv)?.values
  return runCommand(LAB_COMMAND, world, read, async ({ out, port }) => {
    try {
      if (out === undefined) await serve(port, world)
      else await write(resolve(out), world)
      return EXIT_OK
    } catch (error) {
      world.complain(`lab: ${(error as Error).message}`)
      return EXIT_FAILED
    }
  })
}

async function write(directory: string, { print }: LabWorld): Promise<void> {
  await buildSite(directory)
  print(`The lab is in ${relative('', directory) || '.'}. Serve this folder with any web server.`)
}

async function serve(port: number, { print, stop }: LabWorld): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-lab-'))
  let site: Site | undefined
  try {
    await buildSite(directory)
    site = await serveSite(directory, port)
    print(`The lab is on http://localhost:${port}/. Ctrl-C stops it.`)
    await new Promise<void>((done) => {
      if (stop.aborted) done()
      stop.addEventListener('abort', () => done(), { once: true })
    })
  } finally {
    await site?.close()
    rmSync(directory, { recursive: true, force: true })
  }
}
