import { expect, test } from 'vitest'
import { UsageError } from '../../src/command-line/usage-error.ts'
import { parseClusterArguments } from '../../src/local-cluster/cluster-arguments.ts'

test('without arguments, five nodes on the usual ports', () => {
  expect(parseClusterArguments([])).toEqual({
    kind: 'start',
    args: { nodes: 5, dataDir: '.quorate', basePort: 8001 },
  })
})

test('arguments replace them', () => {
  const argv = ['--nodes', '3', '--data', 'elsewhere', '--base-port=8101']

  expect(parseClusterArguments(argv)).toEqual({
    kind: 'start',
    args: { nodes: 3, dataDir: 'elsewhere', basePort: 8101 },
  })
})

test('a node more joins the cluster of a directory', () => {
  expect(parseClusterArguments(['--join', 'n6'])).toEqual({
    kind: 'join',
    args: { id: 'n6', replaces: undefined, dataDir: '.quorate' },
  })
  expect(parseClusterArguments(['--join=n7', '--replaces=n3', '--data', 'd'])).toEqual({
    kind: 'join',
    args: { id: 'n7', replaces: 'n3', dataDir: 'd' },
  })
})

test('--help is help, whatever else is there', () => {
  expect(parseClusterArguments(['--nodes', '3', '--help'])).toBeUndefined()
})

test.each([
  [['--nodes', '0'], '--nodes 0: must be a whole number from 1 to 9'],
  [['--nodes', 'many'], '--nodes many: must be a whole number from 1 to 9'],
  [['--base-port', '64600'], '--base-port 64600: must be a whole number from 0 to 64526'],
  [['--data', ''], '--data : must be a text that is not empty'],
  [['--join', 'six'], '--join six: must be the id of a node, n1 to n99'],
  [['--join', 'n0'], '--join n0: must be the id of a node, n1 to n99'],
  [['--join', 'n6', '--replaces='], '--replaces : must be the id of a node, n1 to n99'],
  [['--join', 'n6', '--nodes', '5'], '--nodes does not go with --join'],
  [['--join', 'n6', '--base-port', '0'], '--base-port does not go with --join'],
  [['--replaces', 'n3'], '--replaces needs --join'],
  [['three'], 'unexpected argument three'],
])('%j is refused', (argv, problem) => {
  expect(() => parseClusterArguments(argv)).toThrow(new UsageError(problem))
})
