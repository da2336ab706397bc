import { expect, test } from 'vitest'
import { parseCheckArguments, type RunArguments } from '../../src/harness/check-arguments.ts'
import { rerunCommand } from '../../src/harness/rerun-command.ts'

function rerun(...argv: string[]): string {
  return rerunCommand(parseCheckArguments(argv) as RunArguments)
}

test('names all that the run depended on', () => {
  expect(rerun('--workload', 'set', '--seed', 'a', '--time-limit', '90s')).toBe(
    'npm run check -- --workload set --bucket default --consistency quorum --nemesis none --time-limit 90s --rate 200 --clients 10 --keys 8 --seed a',
  )
})

test('finds the local cluster again that it ran on', () => {
  const argv = ['--workload', 'set', '--seed', 'a', '--target', 'local', '--data', '/tmp/x']

  expect(rerun(...argv)).toMatch(/ --target local --data \/tmp\/x$/)
  expect(rerun('--workload', 'set', '--data', "it's $HOME")).toMatch(/ --data 'it'\\''s \$HOME'$/)
})

test('means the same run', () => {
  const argv =
    '--workload register --nemesis kill,pause --time-limit 1500ms --rate 7 --clients 3 --keys 2 --seed b --data d'.split(
      ' ',
    )
  const again = rerun(...argv).split(' ')

  expect(parseCheckArguments(again.slice(again.indexOf('--') + 1))).toEqual(
    parseCheckArguments(argv),
  )
})
