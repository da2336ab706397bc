/** `backup`: saves every key of some buckets in a file, or checks such a file. */
import { setTimeout as pause } from 'node:timers/promises'
import { SYSTEM_PORTS } from '../../client/request/ports.ts'
import { UsageError } from '../../command-line/usage-error.ts'
import {
  BackupRefused,
  BackupVerifier,
  type VerifiedBackup,
  verifyBackup,
} from '../../restore/verify-backup.ts'
import { EXIT, exitCodes } from '../outcome/exit-code.ts'
import { downloadBackup } from '../store/backup-download.ts'
import { backupJson, backupLines } from '../store/backup-words.ts'
import { endpointsOf, STORE_OPTIONS } from '../store/store-options.ts'
import { ProgressLine } from '../../terminal/progress-line.ts'
import { writeJson, writeLines } from '../../terminal/sink.ts'
import type { World } from '../world.ts'
import { cliCommand } from './cli-command.ts'

const TIMEOUT_MS = 60_000
/** Timers of JavaScript take no longer time. */
const WAIT_MS_MAX = 2 ** 31 - 1
const BYTES_PER_MIB = 2 ** 20
/** On a terminal, progress is told whenever so much more has arrived. */
const BYTES_PER_STEP = BYTES_PER_MIB / 4

export const BACKUP = cliCommand(
  'backup',
  {
    about:
      'Saves every key of all buckets in a file, as all of them were at one instant. By default it has every write ' +
      'that was acknowledged before the command, so every member must be in reach. The file is saved only if it is ' +
      'whole.',
    words: [{ name: 'FILE' }],
    options: {
      ...STORE_OPTIONS,
      bucket: {
        kind: 'list',
        placeholder: 'B',
        otherwise: 'all of them',
        about: 'The buckets to save. May be repeated.',
      },
      at: {
        kind: 'text',
        placeholder: 'TIME',
        otherwise: 'now',
        about:
          'Save every write acknowledged before this time, such as 2026-11-30T03:00:00Z. Waits for a time to come. ' +
          'After a time that has passed, the file has the state of now, and may do without a member that is away.',
      },
      covers: {
        kind: 'choice',
        names: ['all', 'quorum'],
        default: 'all',
        about:
          'With quorum, promise only the writes that a majority of the owners acknowledged. That needs no other member.',
      },
      verify: {
        kind: 'flag',
        without: ['bucket', 'at', 'covers'],
        about: 'Check that FILE is a whole backup, and show what is in it. Asks no node.',
      },
      timeout: {
        ...STORE_OPTIONS.timeout,
        default: TIMEOUT_MS,
        about:
          'How long the command may wait until the members have taken their snapshots and a node begins to send, and ' +
          'then for each piece of the backup.',
      },
    },
    examples: [
      'backup all.backup',
      'backup carts.backup --bucket carts --bucket visits',
      'backup --verify all.backup',
    ],
    exitCodes: exitCodes(0, 1, 3, 6, 8, 130),
  },
  async ({ values, words: [file = ''] }, world) => {
    const { verify, json } = values
    let found: VerifiedBackup
    try {
      found = verify ? await verifyBackup(world.readPieces(file)) : await save(file, values, world)
    } catch (error) {
      if (!(error instanceof BackupRefused)) throw error
      await writeLines(world.err, [`quorate backup: ${file}: ${error.message}`])
      return EXIT.error
    }
    if (json) await writeJson(world.out, backupJson(file, found))
    else await writeLines(world.out, backupLines(file, found))
    return EXIT.ok
  },
)

interface SaveValues {
  readonly endpoints: readonly string[] | undefined
  readonly bucket: readonly string[] | undefined
  readonly at: string | undefined
  readonly covers: string
  readonly timeout: number
}

async function save(file: string, values: SaveValues, world: World): Promise<VerifiedBackup> {
  const { bucket, covers, timeout } = values
  const at = values.at === undefined ? undefined : secondsOf(values.at)
  const query = {
    ...(bucket === undefined ? {} : { bucket: bucket.join(',') }),
    ...(at === undefined ? {} : { at: String(at) }),
    covers,
  }
  const endpoints = endpointsOf(values, world)
  if (at !== undefined) await until(at * 1000, world.stop)
  const line = new ProgressLine(world.err)
  try {
    await line.tell('Waiting for the snapshots of the members')
    const { stop: signal, token, fetch = SYSTEM_PORTS.fetch } = world
    const patience = { token, timeoutMs: timeout, signal, fetch }
    const pieces = counted(await downloadBackup(endpoints, query, patience), line)
    let found: VerifiedBackup | undefined
    await world.saveFile(
      file,
      checked(pieces, (verified) => {
        found = verified
      }),
    )
    return found as VerifiedBackup
  } finally {
    await line.clear()
  }
}

/** Passes the pieces on, and tells how much has arrived. How much will come is known only at the end. */
async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  line: ProgressLine,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0
  let toldAt = 0
  for await (const piece of pieces) {
    bytes += piece.length
    if (toldAt === 0 || bytes - toldAt >= BYTES_PER_STEP) {
      toldAt = bytes
      await line.tell(`${(bytes / BYTES_PER_MIB).toFixed(1)} MiB have arrived`)
    }
    yield piece
  }
}

/** Passes the pieces on, and rejects at their end if they are no whole backup. */
async function* checked(
  pieces: AsyncIterable<Uint8Array>,
  onVerified: (found: VerifiedBackup) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const verifier = new BackupVerifier()
  try {
    for await (const piece of pieces) {
      verifier.push(piece)
      yield piece
    }
  } catch (error) {
    if (error instanceof BackupRefused || !(error instanceof TypeError)) throw error
    throw new BackupRefused('the connection broke before its end')
  }
  onVerified(verifier.finish())
}

/** Whole seconds, rounded up: no write before the time may be missing. Throws UsageError. */
function secondsOf(text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) {
    throw new UsageError(`--at ${text}: must be a time such as 2026-11-30T03:00:00Z`)
  }
  return Math.ceil(ms / 1000)
}

async function until(ms: number, signal: AbortSignal): Promise<void> {
  for (let left = ms - Date.now(); left > 0; left = ms - Date.now()) {
    await pause(Math.min(left, WAIT_MS_MAX), undefined, { signal })
  }
}
