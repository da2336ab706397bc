import { expect, test } from 'vitest'
import { type NetworkFault, parseFault } from '../../src/chaos/chaos-fault.ts'
import { unexpectedPairs } from '../../src/chaos/reach.ts'

const NODES = ['n1', 'n2', 'n3']
const ALL = {
  n1: { n2: true, n3: true },
  n2: { n1: true, n3: true },
  n3: { n1: true, n2: true },
}

function faultOf(command: string): NetworkFault {
  return parseFault(command.split(' '), NODES) as NetworkFault
}

test('without a fault all reach all', () => {
  expect(unexpectedPairs(undefined, NODES, ALL)).toEqual([])
  expect(unexpectedPairs(undefined, NODES, { ...ALL, n2: { n1: true, n3: false } })).toEqual([
    'n2 does not reach n3',
  ])
})

test('without a fault a node that does not answer is told; under a fault it is not known whom it reaches', () => {
  const matrix = { n1: ALL.n1, n2: ALL.n2 }
  expect(unexpectedPairs(undefined, NODES, matrix)).toEqual(['n3 does not answer'])
  expect(unexpectedPairs(faultOf('loss n1 n3 20%'), NODES, matrix)).toEqual([])
})

test('a cut that does not work, and one that does too much, are both told', () => {
  const matrix = { ...ALL, n2: { n1: false, n3: true } }
  expect(unexpectedPairs(faultOf('oneway n1 n3'), NODES, matrix)).toEqual([
    'n1 still reaches n3',
    'n2 does not reach n1',
  ])
})

test('a link that flaps may be found either way', () => {
  const fault = faultOf('flap n1 n2')
  expect(unexpectedPairs(fault, NODES, ALL)).toEqual([])
  const torn = { ...ALL, n1: { n2: false, n3: true } }
  expect(unexpectedPairs(fault, NODES, torn)).toEqual([])
  const other = { ...ALL, n1: { n2: true, n3: false } }
  expect(unexpectedPairs(fault, NODES, other)).toEqual(['n1 does not reach n3'])
})

test('a one-way cut is as it should be when only one way is cut', () => {
  const matrix = { ...ALL, n1: { n2: true, n3: false } }
  expect(unexpectedPairs(faultOf('oneway n1 n3'), NODES, matrix)).toEqual([])
})

test('a lossy pair may be found either way', () => {
  const fault = faultOf('loss n1 n3 20%')
  expect(unexpectedPairs(fault, NODES, ALL)).toEqual([])
  expect(unexpectedPairs(fault, NODES, { ...ALL, n1: { n2: true, n3: false } })).toEqual([])
})

test('under a fault nothing is said of a node that could not be asked, in either direction', () => {
  const { n1, n2 } = ALL
  const down = { n1: { ...n1, n3: false }, n2: { ...n2, n3: false } }
  expect(unexpectedPairs(faultOf('isolate n3'), NODES, down)).toEqual([])
})

test('a pair that is missing in the answer of a node was not reached', () => {
  expect(unexpectedPairs(undefined, NODES, { ...ALL, n1: { n2: true } })).toEqual([
    'n1 does not reach n3',
  ])
})
