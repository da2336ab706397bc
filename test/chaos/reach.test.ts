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

test('without a fault every node reaches every other node', () => {
  expect(unexpectedPairs(undefined, NODES, ALL)).toEqual([])
  expect(unexpectedPairs(undefined, NODES, { ...ALL, n2: { n1: true, n3: false } })).toEqual([
    'n2 does not reach n3',
  ])
})

test('a silent node is reported without a fault, and left out under a fault', () => {
  const matrix = { n1: ALL.n1, n2: ALL.n2 }
  expect(unexpectedPairs(undefined, NODES, matrix)).toEqual(['n3 does not answer'])
  expect(unexpectedPairs(faultOf('loss n1 n3 20%'), NODES, matrix)).toEqual([])
})

test('a cut without effect and a cut of too many links are both reported', () => {
  const matrix = { ...ALL, n2: { n1: false, n3: true } }
  expect(unexpectedPairs(faultOf('oneway n1 n3'), NODES, matrix)).toEqual([
    'n1 still reaches n3',
    'n2 does not reach n1',
  ])
})

test('a flapping link may be in either state', () => {
  const fault = faultOf('flap n1 n2')
  expect(unexpectedPairs(fault, NODES, ALL)).toEqual([])
  const torn = { ...ALL, n1: { n2: false, n3: true } }
  expect(unexpectedPairs(fault, NODES, torn)).toEqual([])
  const other = { ...ALL, n1: { n2: true, n3: false } }
  expect(unexpectedPairs(fault, NODES, other)).toEqual(['n1 does not reach n3'])
})

test('a one-way cut must cut one direction only', () => {
  const matrix = { ...ALL, n1: { n2: true, n3: false } }
  expect(unexpectedPairs(faultOf('oneway n1 n3'), NODES, matrix)).toEqual([])
})

test('a lossy link may be in either state', () => {
  const fault = faultOf('loss n1 n3 20%')
  expect(unexpectedPairs(fault, NODES, ALL)).toEqual([])
  expect(unexpectedPairs(fault, NODES, { ...ALL, n1: { n2: true, n3: false } })).toEqual([])
})

test('under a fault the links of a silent node are not checked', () => {
  const { n1, n2 } = ALL
  const down = { n1: { ...n1, n3: false }, n2: { ...n2, n3: false } }
  expect(unexpectedPairs(faultOf('isolate n3'), NODES, down)).toEqual([])
})

test('a peer that a node does not list counts as not reached', () => {
  expect(unexpectedPairs(undefined, NODES, { ...ALL, n1: { n2: true } })).toEqual([
    'n1 does not reach n3',
  ])
})
