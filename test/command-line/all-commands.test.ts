/** Every command of this project gets its help, its bounds and its errors of usage from its table. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { benchCommand } from '../../src/bench/bench-command.ts'
import { BENCH_COMMAND } from '../../src/bench/bench-arguments.ts'
import {
  INTERNAL_BENCH_COMMAND,
  internalBenchCommand,
} from '../../src/bench/internal-bench-command.ts'
import { CHAOS_COMMAND } from '../../src/chaos/chaos-arguments.ts'
import { chaosCommand } from '../../src/chaos/chaos-command.ts'
import type { Command } from '../../src/command-line/command.ts'
import { readValue } from '../../src/command-line/value.ts'
import { CHECK_COMMAND } from '../../src/harness/check-arguments.ts'
import { checkCommand } from '../../src/harness/check-command.ts'
import { CLUSTER_COMMAND } from '../../src/local-cluster/cluster-arguments.ts'
import { clusterCommand } from '../../src/local-cluster/cluster-command.ts'
import { SIM_COMMAND } from '../../src/simulation/sim-arguments.ts'
import { simCommand } from '../../src/simulation/sim-command.ts'
import { NO_PROGRESS } from '../terminal/no-progress.ts'
import { PROJECT_ROOT } from '../tidy/project-files.ts'

interface Ended {
  readonly code: number
  readonly printed: string
  readonly complained: string
}

type Run = (argv: readonly string[]) => Promise<Ended>

const never = new AbortController().signal

/** Runs a command in this process. */
function inside(
  command: (
    argv: readonly string[],
    world: Parameters<typeof chaosCommand>[1] &
      Parameters<typeof clusterCommand>[1] &
      Parameters<typeof checkCommand>[1],
  ) => Promise<number>,
): Run {
  return async (argv) => {
    const printed: string[] = []
    const complained: string[] = []
    const code = await command(argv, {
      print: (line) => void printed.push(line),
      complain: (line) => void complained.push(line),
      stop: never,
      stopNow: never,
      directory: '',
      script: '',
      progress: NO_PROGRESS,
    })
    return { code, printed: printed.join('\n'), complained: complained.join('\n') }
  }
}

/** Runs a script that is a command by itself. */
function outside(script: string): Run {
  return async (argv) => {
    const child = spawn(process.execPath, [join(PROJECT_ROOT, 'scripts', script), ...argv])
    const [printed, complained, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number]>,
    ])
    return { code, printed, complained }
  }
}

interface Case {
  readonly name: string
  readonly call: string
  readonly run: Run
  readonly usageExitCode?: number
  /** A misspelled option or word, and what was meant. */
  readonly slip?: readonly [string, string]
  /** A value out of range, and the range. */
  readonly beyond?: readonly [string, string]
}

const CASES: readonly Case[] = [
  {
    name: 'start',
    call: 'npm start --',
    run: inside(clusterCommand),
    slip: ['--noddes 3', '--nodes'],
    beyond: ['--nodes 10', 'a whole number from 1 to 9'],
  },
  {
    name: 'chaos',
    call: 'npm run chaos --',
    run: inside(chaosCommand),
    slip: ['isolat n1', 'isolate'],
    beyond: ['heal --for 61m', 'from 1ms to 1h'],
  },
  {
    name: 'check',
    call: 'npm run check --',
    run: inside(checkCommand),
    usageExitCode: 254,
    slip: ['--wrkload set', '--workload'],
    beyond: ['--workload set --clients 201', 'a whole number from 1 to 200'],
  },
  {
    name: 'sim',
    call: 'npm run sim --',
    run: inside(simCommand),
    slip: ['--sead 1', '--seed'],
    beyond: ['--nodes 2', 'a whole number from 3 to 9'],
  },
  {
    name: 'bench',
    call: 'npm run bench --',
    run: inside(benchCommand),
    slip: ['--round 2', '--rounds'],
    beyond: ['--seconds 601', 'from 1s to 10m'],
  },
  {
    name: 'bench',
    call: 'node scripts/bench-internal.ts',
    run: inside(internalBenchCommand),
    slip: ['movs', 'moves'],
    beyond: ['moves 9999', 'a whole number from 10000 to 100000000'],
  },
  {
    name: 'soak',
    call: 'npm run soak --',
    run: outside('soak.ts'),
    slip: ['twinn', 'twin'],
  },
  { name: 'test', call: 'npm test --', run: outside('test.ts') },
]

describe.concurrent.each(CASES)('$call', ({ name, call, run, usageExitCode = 2, slip, beyond }) => {
  test.each(['--help', '-h'])('%s prints the help', async (flag) => {
    const { code, printed, complained } = await run([flag])

    expect(code).toBe(0)
    expect(complained).toBe('')
    expect(printed).toMatch(new RegExp(`^Usage: ${call}`))
    expect(printed).toMatch(new RegExp(`^  ${usageExitCode} +wrong arguments$`, 'm'))
    for (const line of printed.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  })

  test('refuses an option that there is not', async () => {
    const { code, printed, complained } = await run(['--xyzzy', '1'])

    expect(code).toBe(usageExitCode)
    expect(printed).toBe('')
    expect(complained.trimEnd().split('\n')).toEqual([
      `${name}: there is no option --xyzzy`,
      `${name}: ${call} --help lists the options`,
    ])
  })

  testIf(slip)('guesses what a slip means', async () => {
    const [line = '', meant = ''] = slip ?? []
    const { code, complained } = await run(line.split(' '))

    expect(code).toBe(usageExitCode)
    expect(complained).toContain(`(did you mean ${meant}?)`)
  })

  testIf(beyond)('refuses a value out of range', async () => {
    const [line = '', range = ''] = beyond ?? []
    const { code, complained } = await run(line.split(' '))

    expect(code).toBe(usageExitCode)
    expect(complained).toContain(range)
  })
})

const TABLES: readonly Command[] = [
  CLUSTER_COMMAND,
  CHAOS_COMMAND,
  CHECK_COMMAND,
  SIM_COMMAND,
  BENCH_COMMAND,
  INTERNAL_BENCH_COMMAND,
]

describe.each(TABLES)('the table of $call', ({ about, options, subcommands = {} }) => {
  test('says everything in sentences', () => {
    const texts = [
      about,
      ...[options, subcommands].flatMap((part) => Object.values(part).map((entry) => entry.about)),
    ]
    for (const line of texts) expect(line).toMatch(/^[A-Z].*[.]$/)
  })

  test('names only options that there are', () => {
    const names = Object.keys(options)
    for (const { needs, without = [] } of Object.values(options)) {
      expect(names).toEqual(
        expect.arrayContaining([...without, ...(needs === undefined ? [] : [needs])]),
      )
    }
  })

  test('has defaults within their bounds', () => {
    for (const option of Object.values(options)) {
      if (option.kind === 'flag' || !('default' in option)) continue
      const standard = option.default ?? []
      if (Array.isArray(standard) && standard.length === 0) continue
      const written = option.kind === 'duration' ? `${Number(standard)}ms` : String(standard)
      expect(readValue('default', option, written)).toEqual(standard)
    }
  })
})

/** A test of what the command has. There is nothing to test for the others. */
function testIf(has: unknown): (title: string, run: () => Promise<void>) => void {
  return has === undefined ? () => undefined : (title, run) => test(title, run)
}
