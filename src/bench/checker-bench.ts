/**
 * Measures how long deciding the linearizability of histories in memory takes: `npm run bench:checker`. Making or parsing
 * the histories is not part of it. Porcupine (Go) takes 700 ms for a million operations on 1000 keys, and 170 ms for
 * 100 000 on 10, so no row may take longer for as many operations.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { HistoryEvent } from '../checker/history/history.ts'
import { casRegisterModel } from '../checker/models/linear-models.ts'
import { SeededRandom } from '../random/seeded-random.ts'
import type { Progress } from '../terminal/progress.ts'
import { type HistoryPlan, registerHistory } from './generated-history.ts'
import { Steps } from './steps.ts'

const SEED = 'checker bench'
/** The first histories are not measured, because the code is not compiled yet. */
const WARM_UP = 5

interface Row {
  readonly name: string
  readonly plan: HistoryPlan
  readonly targetMs: number
  readonly expected: 'valid' | 'invalid'
}

const PROCESSES = 15
/** How many values the writes choose from; undefined: each writes another one. */
const DISTRIBUTIONS = [undefined, 100]
/** The time of Porcupine for 100 000 operations, and for a million. */
const PORCUPINE_MS = 170
const PORCUPINE_MILLION_MS = 700
const ROWS: readonly Row[] = [
  row('10 000 operations, 10 keys', { operations: 10_000, keys: 10 }, 30),
  row('100 000, 10 keys', { operations: 100_000, keys: 10 }, PORCUPINE_MS),
  row('1 000 000, 1000 keys', { operations: 1_000_000, keys: 1000 }, PORCUPINE_MILLION_MS),
  row('1 000 000, 10 keys', { operations: 1_000_000, keys: 10 }, PORCUPINE_MILLION_MS),
  row('100 000, 1 key, 5 processes', { operations: 100_000, keys: 1, processes: 5 }, PORCUPINE_MS),
  row('10 000, 1 key, 50 processes', { operations: 10_000, keys: 1, processes: 50 }, PORCUPINE_MS),
  row(
    '100 000, 10 keys, 1 % crashed, one stale read',
    { operations: 100_000, keys: 10, crashedPerMille: 10, hasStaleRead: true },
    PORCUPINE_MS,
  ),
]

function row(
  name: string,
  plan: Omit<HistoryPlan, 'processes'> & { readonly processes?: number },
  targetMs: number,
): Row {
  const expected = plan.hasStaleRead === true ? 'invalid' : 'valid'
  return { name, plan: { processes: PROCESSES, ...plan }, targetMs, expected }
}

/** Prints a line for each input. Resolves to false if a verdict was wrong. */
export async function benchChecker(
  print: (line: string) => void,
  progress: Progress,
): Promise<boolean> {
  const random = new SeededRandom(SEED)
  const steps = new Steps(progress, 1 + ROWS.length * DISTRIBUTIONS.length, 'steps')
  steps.begin('warming up')
  for (let i = 0; i < WARM_UP; i++) {
    casRegisterModel.check(registerHistory(random, (ROWS[0] as Row).plan))
  }
  let isRight = true
  print(
    'input'.padEnd(48) +
      'values'.padEnd(10) +
      'ms'.padStart(8) +
      'CPU ms'.padStart(8) +
      'at most'.padStart(10),
  )
  for (const { name, plan, targetMs, expected } of ROWS) {
    for (const values of DISTRIBUTIONS) {
      const kind = values === undefined ? 'unique' : `of ${values}`
      steps.begin(`${name}, ${kind} values`)
      // A row blocks the process, so Ctrl-C is heard between two rows.
      await turn()
      const history = registerHistory(random, values === undefined ? plan : { ...plan, values })
      const { elapsedMs, cpuMs, result } = timed(history)
      if (values === undefined && result !== expected) isRight = false
      const verdict = result === expected ? '' : `  ${result}`
      print(
        name.padEnd(48) +
          kind.padEnd(10) +
          elapsedMs.toFixed(0).padStart(8) +
          cpuMs.toFixed(0).padStart(8) +
          String(targetMs).padStart(10) +
          verdict,
      )
    }
  }
  print(
    `most memory: ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB, histories included`,
  )
  return isRight
}

/** The CPU time is that of all threads of the process. It leaves out the waiting for a processor. */
function timed(history: readonly HistoryEvent[]): {
  readonly elapsedMs: number
  readonly cpuMs: number
  readonly result: string
} {
  const startMs = performance.now()
  const start = process.cpuUsage()
  const { result } = casRegisterModel.check(history)
  const { user, system } = process.cpuUsage(start)
  return { elapsedMs: performance.now() - startMs, cpuMs: (user + system) / 1000, result }
}
