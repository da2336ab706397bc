import { expect, test } from 'vitest'
import { parseChaosArguments } from '../../src/chaos/chaos-arguments.ts'
import { ChaosUsageError } from '../../src/chaos/chaos-fault.ts'

test('a fault alone lasts a minute, on whichever target there is', () => {
  expect(parseChaosArguments(['partition', 'halves'])).toEqual({
    words: ['partition', 'halves'],
    target: undefined,
    forMs: 60_000,
    dryRun: false,
    dataDir: '.quorate',
    project: undefined,
  })
})

test('options may come before, between and after the words', () => {
  const argv = '--target local cut --for 2m n1 --data some/where n3 --dry-run --project p'.split(
    ' ',
  )
  expect(parseChaosArguments(argv)).toEqual({
    words: ['cut', 'n1', 'n3'],
    target: 'local',
    forMs: 120_000,
    dryRun: true,
    dataDir: 'some/where',
    project: 'p',
  })
})

test.each([
  ['1ms', 1],
  ['500ms', 500],
  ['30s', 30_000],
  ['10m', 600_000],
  ['60m', 3_600_000],
])('--for %s is %d ms', (text, forMs) => {
  expect(parseChaosArguments(['heal', '--for', text]).forMs).toBe(forMs)
})

test.each(['0s', '61m', '3601s', '30', '1.5s', '-5s', '1h', 's', ' 5s', '12345678ms'])(
  '--for %s is refused',
  (text) => {
    const parse = (): unknown => parseChaosArguments(['heal', `--for=${text}`])
    expect(parse).toThrow(ChaosUsageError)
    expect(parse).toThrow(`--for ${text}: a time such as 500ms, 30s or 10m, at most 60m`)
  },
)

test('a target that is neither docker nor local is refused', () => {
  const parse = (): unknown => parseChaosArguments(['heal', '--target', 'cloud'])
  expect(parse).toThrow(ChaosUsageError)
  expect(parse).toThrow('--target is docker or local, not cloud')
})

test('an option that there is not is refused', () => {
  expect(() => parseChaosArguments(['heal', '--force'])).toThrow(ChaosUsageError)
})

test.each([[[]], [['--help']], [['cut', 'n1', 'n3', '-h']]])('%j asks for help', (argv) => {
  expect(parseChaosArguments(argv).words).toEqual(['help'])
})

test('a clock that is set back is a word', () => {
  expect(parseChaosArguments(['skew', 'n2', '-300s', '--for', '5s']).words).toEqual([
    'skew',
    'n2',
    '-300s',
  ])
})
