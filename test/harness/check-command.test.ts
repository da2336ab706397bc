import { mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseJsonl } from '../../src/checker/history/jsonl.ts'
import { checkCommand } from '../../src/harness/check-command.ts'
import { workloadNamed } from '../../src/harness/workloads/check-workloads.ts'
import { WatchedProgress } from '../terminal/watched-progress.ts'
import { startMiniatureStore, type Defect } from './miniature-store.ts'

let results: string
let lines: string[]
let progress: WatchedProgress

beforeEach(async () => {
  results = await mkdtemp(path.join(tmpdir(), 'quorate-check-'))
  lines = []
  progress = new WatchedProgress()
})
afterEach(() => rm(results, { recursive: true }))

function command(...argv: string[]): Promise<number> {
  const print = (line: string): void => void lines.push(line)
  const { signal: stop } = new AbortController()
  return checkCommand(argv, { print, complain: print, stop, progress })
}

async function check(workload: string, defect: Defect, mode?: string): Promise<number> {
  await using store = await startMiniatureStore(3, defect, mode)
  const target = store.urls.join(',')
  const size = '--time-limit 500ms --rate 400 --clients 4 --keys 2 --seed seven'.split(' ')
  return await command('--workload', workload, '--target', target, '--results', results, ...size)
}

describe('check against a store that keeps its promises', () => {
  test.each(['set', 'siblings'])('%s is valid, and the files are there', async (workload) => {
    expect(await check(workload, 'none')).toBe(0)
    const dir = path.join(results, await readlink(path.join(results, 'latest')))
    expect(path.basename(dir)).toMatch(/^\d{8}T\d{6}-(set|siblings)-seven$/)
    const history = parseJsonl(await readFile(path.join(dir, 'history.jsonl'), 'utf8'))
    const edn = await readFile(path.join(dir, 'history.edn'), 'utf8')
    expect(edn.trimEnd().split('\n')).toHaveLength(history.length)
    const verdict: unknown = JSON.parse(await readFile(path.join(dir, 'results.json'), 'utf8'))
    expect(verdict).toMatchObject({ result: 'valid', run: { seed: 'seven', workload } })
    expect(verdict).toHaveProperty('longestGap.node')
    expect(verdict).toHaveProperty('ownPauseMs', expect.any(Number))
    expect(lines.join('\n')).toContain('seed seven')
    expect(lines.join('\n')).toMatch(/longest gap: .* with no fault active/)
    expect(lines.join('\n')).toMatch(/verdict valid: .*\nfiles/)

    lines = []
    const file = path.join(dir, 'history.jsonl')
    expect(await command('--history', file, '--model', workload)).toBe(0)
    expect(lines.join('\n')).toContain('longest gap: ')
  })

  test.each(['set', 'siblings'])(
    '%s: a connection lost after sending is of unknown outcome',
    async (workload) => {
      expect(await check(workload, 'hang up')).toBe(0)
      expect(lines.join('\n')).toMatch(/totals .* [1-9]\d* info/)
    },
  )
})

test('check shows on a terminal what it is doing, and nothing after its end', async () => {
  expect(await check('set', 'none')).toBe(0)
  const texts = progress.shown.map(({ text }) => text.replaceAll(/\d+/g, 'N'))
  expect(texts).toEqual([
    'waiting until every node is ready',
    'N of N s, N events recorded',
    'waiting until the cluster is healthy',
    'N of N final reads',
    'checking N operations',
    'writing the files of the run',
    'stopping what the check has started',
  ])
  expect(progress.now).toBeUndefined()
})

describe('check against a store with a planted defect', () => {
  test.each([
    ['set', 'forget', 'lost'],
    ['set', 'lie', 'rejected but applied'],
    ['set', 'invent', 'unexpected'],
    ['siblings', 'forget', 'lost'],
    ['siblings', 'lie', 'rejected but applied'],
    ['siblings', 'revive', 'resurrected'],
    ['siblings', 'invent', 'invented'],
  ] as const)('%s is invalid where it would %s', async (workload, defect, kind) => {
    expect(await check(workload, defect)).toBe(1)
    expect(lines.join('\n')).toContain(`  ${kind}: `)
    expect(lines.join('\n')).toMatch(/verdict invalid: [1-9]/)
  })
})

describe('check on a bucket that does not promise what the workload asks for', () => {
  async function page(): Promise<string> {
    return readFile(path.join(results, 'latest', 'index.html'), 'utf8')
  }

  test('a breach is expected: the verdict and the page say so, and it is still exit code 1', async () => {
    expect(await check('set', 'forget', 'lww')).toBe(1)
    expect(lines.join('\n')).toMatch(
      /verdict invalid, as expected: a bucket of mode lww does not promise this \(\d+ acknowledged/,
    )
    expect(await page()).toContain('This level does not promise it')
    expect(await page()).not.toContain('A promise was broken')
  })

  test('a value that nobody wrote is expected nowhere', async () => {
    expect(await check('set', 'invent', 'lww')).toBe(1)
    expect(lines.join('\n')).toMatch(/verdict invalid: [1-9]/)
    expect(await page()).toContain('A promise was broken')
  })

  test('a run that finds nothing is valid', async () => {
    expect(await check('set', 'none', 'lww')).toBe(0)
    expect(lines.join('\n')).toMatch(/verdict valid: /)
  })
})

describe('which levels promise what a workload asks for', () => {
  test.each([
    ['register', 'strong', 'strong', undefined],
    ['register', 'strong', 'quorum', 'quorum'],
    ['register', 'lww', 'eventual', 'a bucket of mode lww'],
    ['set', 'siblings', 'eventual', undefined],
    ['set', 'siblings', 'weak', 'weak'],
    ['set', 'lww', 'all', 'a bucket of mode lww'],
    ['counter', 'counter', 'quorum', undefined],
    ['causal', 'siblings', 'causal', undefined],
    ['session', 'siblings', 'eventual', 'eventual'],
  ] as const)('%s on a bucket of mode %s at %s', (workload, mode, level, notPromisedBy) => {
    expect(workloadNamed(workload)?.notPromisedBy(mode, level)).toBe(notPromisedBy)
  })
})

describe('the levels of a recorded history', () => {
  async function levelsOf(...events: readonly object[]): Promise<number> {
    const file = path.join(results, 'history.jsonl')
    const numbered = events.map((event, index) => ({ index, time: index, ...event }))
    await writeFile(file, numbered.map((event) => JSON.stringify(event)).join('\n'))
    return command('--history', file, '--levels')
  }
  const stale = [
    { process: 0, type: 'invoke', f: 'write', key: 'k', value: 1 },
    { process: 0, type: 'ok', f: 'write', key: 'k', value: 1 },
    { process: 0, type: 'invoke', f: 'read', key: 'k', value: null },
    { process: 0, type: 'ok', f: 'read', key: 'k', value: null },
  ]

  test('are printed with exit code 0, also if some are broken', async () => {
    expect(await levelsOf(...stale)).toBe(0)
    const said = lines.join('\n')
    expect(said).toMatch(/^broken +linearizable: /m)
    expect(said).toMatch(/^broken +read your writes: /m)
    expect(said).toMatch(/^holds +monotonic reads: /m)
    expect(said).toContain('client 0 wrote 1 to key k')
  })

  test('are refused for other operations than those of registers', async () => {
    expect(await levelsOf({ process: 0, type: 'invoke', f: 'add', key: 'k', value: 1 })).toBe(254)
    expect(lines.join('\n')).toContain('event 0: levels exist only for histories of read, write')
  })
})

describe('check, what ends it early', () => {
  test.each([
    [['--workload', 'queue'], '--workload queue: must be one of register, set'],
    [[], '--workload is needed'],
    [['--workload', 'set', '--nemesis', 'flood'], 'kill, restart, pause, skew, '],
    [['--workload', 'set', '--nemesis', 'none,kill'], 'none alone'],
    [
      ['--workload', 'set', '--consistency', 'sometimes'],
      'must be one of weak, eventual, causal, quorum, all, strong',
    ],
    [['--workload', 'set', '--time-limit', '30'], 'a duration'],
    [['--workload', 'set', '--rate', '0'], 'a whole number from 1'],
    [['--workload', 'set', '--time-limit', '9h'], 'the limit is'],
    [['--workload', 'set', '--seed', '../up'], '--seed'],
    [['--workload', 'set', '--target', 'mars'], 'docker, local, or URLs'],
    [
      ['--workload', 'set', '--target', 'http://localhost:1', '--nemesis', 'kill'],
      'use --nemesis none',
    ],
    [['--wrkload', 'set'], '--wrkload'],
    [['--history', 'nowhere.jsonl', '--model', 'set'], 'nowhere.jsonl'],
    [['--history', 'nowhere.jsonl', '--model', 'queue'], 'must be one of register, cas-register'],
    [['--history', 'nowhere.jsonl'], '--history needs --model or --levels'],
    [['--history', 'nowhere.jsonl', '--levels'], 'nowhere.jsonl'],
    [['--history', 'x.jsonl', '--levels', '--model', 'set'], '--model does not go with --levels'],
    [['--levels'], '--levels needs --history'],
    [
      ['--history', 'x.jsonl', '--model', 'set', '--workload', 'set'],
      '--workload does not go with --history',
    ],
    [['--workload', 'set', '--check-time', '1s'], '--check-time needs --history'],
  ])('%j is a usage error', async (argv, message) => {
    expect(await command(...argv, '--results', results)).toBe(254)
    expect(lines.join('\n')).toContain(message)
  })

  test('a recorded history that is cut off is refused by line', async () => {
    const file = path.join(results, 'cut.jsonl')
    await writeFile(
      file,
      '{"index":0,"time":0,"process":0,"type":"invoke","f":"add","value":1}\n{"index":1,',
    )
    expect(await command('--history', file, '--model', 'set')).toBe(254)
    expect(lines.join('\n')).toContain('line 2')
  })
})
