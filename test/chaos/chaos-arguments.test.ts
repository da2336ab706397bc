import { expect, test } from 'vitest'
import { parseChaosArguments } from '../../src/chaos/chaos-arguments.ts'
import { UsageError } from '../../src/command-line/usage-error.ts'

test('by default a fault lasts a minute, on the target that runs', () => {
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

test('a fault may last as long as an hour', () => {
  expect(parseChaosArguments(['heal', '--for', '60m'])?.forMs).toBe(3_600_000)
  expect(parseChaosArguments(['heal', '--for', '1h'])?.forMs).toBe(3_600_000)
})

test.each([
  ['heal --for 61m', '--for 61m: must be a duration such as 500ms, 30s or 10m, from 1ms to 1h'],
  ['heal --for=-5s', '--for -5s: must be a duration'],
  ['heal --target cloud', '--target cloud: must be one of docker, local'],
  ['heal all', 'unexpected argument all'],
  ['explode n1', 'there is no command explode; the commands are partition, isolate'],
  ['keeep x', 'the commands are partition'],
])('%s is refused', (line, message) => {
  const parse = (): unknown => parseChaosArguments(line.split(' '))
  expect(parse).toThrow(UsageError)
  expect(parse).toThrow(message)
})

test.each([[[]], [['help']], [['--help']], [['cut', 'n1', 'n3', '-h']]])(
  '%j asks for help',
  (argv) => {
    expect(parseChaosArguments(argv)).toBeUndefined()
  },
)

test('a negative skew is a word, not an option', () => {
  expect(parseChaosArguments(['skew', 'n2', '-300s', '--for', '5s'])?.words).toEqual([
    'skew',
    'n2',
    '-300s',
  ])
})
