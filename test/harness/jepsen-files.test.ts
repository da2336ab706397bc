/**
 * Files of Jepsen and of Porcupine as users have them: independent keys as `[key value]` tuples, times since 1970, a
 * nemesis whose events have other types, and processes that go on after an unknown outcome.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkCommand } from '../../src/harness/check-command.ts'
import { NO_PROGRESS } from '../terminal/no-progress.ts'

let folder: string
let lines: string[]

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-jepsen-'))
  lines = []
})
afterEach(() => rm(folder, { recursive: true }))

/** The exit code for a file with this text. */
async function check(name: string, text: string, ...argv: readonly string[]): Promise<number> {
  const file = path.join(folder, name)
  await writeFile(file, text)
  const print = (line: string): void => void lines.push(line)
  const { signal: stop } = new AbortController()
  const terminal = { print, complain: print, stop, progress: NO_PROGRESS }
  return checkCommand(['--history', file, ...argv], terminal)
}

interface Told {
  readonly process: number | 'nemesis'
  readonly type: 'invoke' | 'ok' | 'fail' | 'info'
  readonly f: string
  /** As EDN, which is JSON here but for `nil`. */
  readonly value: string
}

/** Nanoseconds since 1970, too many to be exact as a number. */
const START = 1_732_500_000_000_000_001n
const STEP = 100_000_000n

function edn(told: readonly Told[]): string {
  const maps = told.map(({ process, type, f, value }, i) => {
    const time = START + BigInt(i) * STEP
    const by = process === 'nemesis' ? ':nemesis' : process
    return `#jepsen.history.Op{:index ${i}, :time ${time}, :type :${type}, :process ${by}, :f :${f}, :value ${value}}`
  })
  return maps.join('\n')
}

function jsonl(told: readonly Told[]): string {
  const records = told.map(({ process, type, f, value }, i) => {
    const json = value.replaceAll('nil', 'null').replaceAll(' ', ',')
    return `{"index":${i},"time":${START + BigInt(i) * STEP},"process":${JSON.stringify(process)},"type":"${type}","f":"${f}","value":${json}}`
  })
  return records.join('\n')
}

function both(process: number, f: string, asked: string, answer = asked): Told[] {
  return [
    { process, type: 'invoke', f, value: asked },
    { process, type: 'ok', f, value: answer },
  ]
}

const RIGHT: readonly Told[] = [
  ...both(0, 'write', '[0 1]'),
  ...both(1, 'write', '[1 5]'),
  { process: 'nemesis', type: 'invoke', f: 'start', value: 'nil' },
  { process: 'nemesis', type: 'info', f: 'start', value: '"cut"' },
  ...both(2, 'read', '[0 nil]', '[0 1]'),
  ...both(3, 'cas', '[0 [1 2]]'),
  { process: 4, type: 'invoke', f: 'write', value: '[1 6]' },
  { process: 4, type: 'info', f: 'write', value: '[1 6]' },
  ...both(4, 'read', '[0 nil]', '[0 2]'),
]

const STALE: readonly Told[] = [...RIGHT, ...both(2, 'read', '[0 nil]', '[0 1]')]

describe.each([
  ['history.edn', edn],
  ['history.jsonl', jsonl],
])('%s with tuples and absolute times', (name, format) => {
  test('is judged key by key by a model', async () => {
    expect(await check(name, format(RIGHT), '--model', 'cas-register')).toBe(0)
    expect(lines.join('\n')).toMatch(/^verdict valid: .*2 keys/m)
    lines = []
    expect(await check(name, format(STALE), '--model', 'cas-register')).toBe(1)
    expect(lines.join('\n')).toMatch(/not linearizable: .*key 0/)
  })

  test('is judged key by key by the levels, and its times begin with its first event', async () => {
    expect(await check(name, format(RIGHT), '--levels')).toBe(0)
    expect(lines[0]).toBe('levels of 6 operations of 5 clients on 2 keys, the strongest first')
    expect(lines.at(-1)).toBe('the strongest level that holds is linearizable')
    lines = []
    expect(await check(name, format(STALE), '--levels')).toBe(0)
    const said = lines.join('\n')
    // The client had not seen the compare-and-set before, and one order of all operations explains its answer.
    expect(said).toMatch(/^broken +linearizable/m)
    expect(said).toMatch(/^holds +sequential/m)
    expect(said).toContain('- client 3 changed key 0 from 1 to 2 (0.800 s to 0.900 s)')
    expect(said).toContain('- client 2 read 1 from key 0 (1.400 s to 1.500 s)')
  })
})

test('the log of a register without tuples is not divided', async () => {
  const told = [...both(0, 'write', '[0 1]'), ...both(1, 'read', 'nil', '[0 1]')]
  expect(await check('history.edn', edn(told), '--levels')).toBe(0)
  expect(lines[0]).toContain('on 1 key')
  expect(lines.at(-1)).toBe('the strongest level that holds is linearizable')
})
