/** `restore`: writes the keys of a backup into a cluster. It may be repeated, and then writes only what is missing. */
import { BucketMismatch, restore, type RestoreReport } from '../../restore/restore.ts'
import { BackupRefused } from '../../restore/verify-backup.ts'
import { EXIT, exitCodes } from '../outcome/exit-code.ts'
import { openClient, STORE_OPTIONS } from '../store/store-options.ts'
import { ProgressLine } from '../../terminal/progress-line.ts'
import { visible } from '../../terminal/terminal-text.ts'
import { writeJson, writeLines } from '../../terminal/sink.ts'
import { cliCommand } from './cli-command.ts'

/** On a terminal, progress is told whenever this many keys are done. */
const KEYS_PER_STEP = 100
/** Keys that are named one by one. */
const NAMED_MAX = 10

export const RESTORE = cliCommand(
  'restore',
  {
    about:
      'Writes the keys of a backup into a cluster, empty or living. Nothing is written unless the file is whole. If ' +
      'the command ends early, run it again: it writes what is missing.',
    words: [{ name: 'FILE' }],
    options: {
      ...STORE_OPTIONS,
      'dry-run': { kind: 'flag', about: 'Write nothing, and tell what would be written.' },
      overwrite: {
        kind: 'flag',
        about:
          'Replace values of the cluster that differ from the backup. Otherwise they are kept.',
      },
    },
    examples: ['restore all.backup --dry-run', 'restore all.backup'],
    exitCodes: exitCodes(0, 1, 6, 7, 8, 130),
    unknown: {
      meaning: 'some keys may or may not have been written',
      advice: 'Run the command again: it writes what is missing.',
    },
  },
  async ({ values, words: [file = ''] }, world) => {
    const { json, 'dry-run': isDry, overwrite } = values
    await using client = openClient(values, world)
    const line = new ProgressLine(world.err)
    try {
      const report = await restore({
        client,
        open: () => world.readPieces(file),
        overwrite,
        isDry,
        nowMs: Date.now,
        signal: world.stop,
        onProgress: (soFar, keys) => void showProgress(soFar, keys, line),
      })
      await line.clear()
      if (json) await writeJson(world.out, { file, dryRun: isDry, ...report })
      else await writeLines(world.out, linesOf(report, isDry))
      return report.impossible.length > 0 ? EXIT.error : EXIT.ok
    } catch (error) {
      await line.clear()
      if (!(error instanceof BackupRefused || error instanceof BucketMismatch)) throw error
      await writeLines(world.err, [`quorate restore: ${file}: ${error.message}`])
      return EXIT.error
    }
  },
)

function linesOf(report: RestoreReport, isDry: boolean): string[] {
  const { written, replaced, same, kept, expired, impossible } = report
  const would = isDry ? 'would be ' : ''
  return [
    `${written} keys ${would}written, ${replaced} ${would}replaced, ${same} already there, ${expired} expired`,
    ...(kept === 0
      ? []
      : [
          `${kept} keys hold other values and ${isDry ? 'would be' : 'were'} kept; --overwrite replaces them`,
        ]),
    ...impossible
      .slice(0, NAMED_MAX)
      .map(({ bucket, key, why }) => `${visible(`${bucket}/${key}`)} cannot be written: ${why}`),
    ...(impossible.length > NAMED_MAX
      ? [`${impossible.length} keys cannot be written in all`]
      : []),
  ]
}

async function showProgress(
  report: RestoreReport,
  keys: number,
  line: ProgressLine,
): Promise<void> {
  const { written, replaced, same, kept, expired, impossible } = report
  const done = written + replaced + same + kept + expired + impossible.length
  if (done % KEYS_PER_STEP === 0 || done === keys) {
    await line.show(done / keys, `${done} of ${keys} keys`)
  }
}
