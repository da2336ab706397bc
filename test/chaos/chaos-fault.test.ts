import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/command-line/usage-error.ts'
import {
  type Fault,
  lossPercent,
  type NetworkFault,
  orderedPairs,
  parseFault,
  turnMs,
} from '../../src/chaos/chaos-fault.ts'

const FIVE = ['n1', 'n2', 'n3', 'n4', 'n5']

function parse(command: string, nodes: readonly string[] = FIVE): Fault {
  return parseFault(command.split(' '), nodes)
}

function network(command: string, nodes: readonly string[] = FIVE): NetworkFault {
  const fault = parse(command, nodes)
  if (fault.type === 'groups' || fault.type === 'links') return fault
  throw new Error(`${command} is no network fault`)
}

/** Whom a node still reaches, itself counted. */
function viewOf(fault: NetworkFault, id: string, nodes: readonly string[]): string[] {
  return nodes.filter((other) => other === id || lossPercent(fault, id, other) === 0)
}

function refusal(command: string, nodes: readonly string[] = FIVE): string {
  try {
    parse(command, nodes)
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return (error as Error).message
  }
  throw new Error(`${command} was not refused`)
}

describe('partition', () => {
  test('takes groups as they are named', () => {
    expect(parse('partition n1,n2/n3,n4,n5')).toEqual({
      type: 'groups',
      groups: [
        ['n1', 'n2'],
        ['n3', 'n4', 'n5'],
      ],
    })
  })

  test('puts nodes that are not named into a group of their own', () => {
    expect(parse('partition n2,n4')).toEqual({
      type: 'groups',
      groups: [
        ['n2', 'n4'],
        ['n1', 'n3', 'n5'],
      ],
    })
  })

  test('halves five nodes into two and three', () => {
    expect(parse('partition halves')).toEqual({
      type: 'groups',
      groups: [
        ['n1', 'n2'],
        ['n3', 'n4', 'n5'],
      ],
    })
  })

  test('cuts every pair across groups both ways, and none within', () => {
    const fault = network('partition n1,n2/n3,n4,n5')
    for (const [from, to] of orderedPairs(FIVE)) {
      const across = ['n1', 'n2'].includes(from) !== ['n1', 'n2'].includes(to)
      expect(lossPercent(fault, from, to), `${from} to ${to}`).toBe(across ? 100 : 0)
    }
  })

  test.each([
    ['partition n1,n2/n2,n3', 'n2 is in two groups'],
    ['partition n1,n1/n2', 'n1 is in two groups'],
    ['partition n1/n9', 'there is no node n9; the nodes are n1, n2, n3, n4, n5'],
    ['partition n1,n2,n3,n4,n5', 'a partition has two groups or more'],
    ['partition n1//n2', 'there is no node ; the nodes are n1, n2, n3, n4, n5'],
    ['partition', 'partition needs GROUPS'],
    ['partition n1 n2', 'unexpected argument n2'],
  ])('refuses %s', (command, message) => {
    expect(refusal(command)).toBe(message)
  })
})

test.each([
  ['partition halves', 2],
  ['isolate n1', 2],
  ['bridge n1', 3],
  ['ring', 3],
])('%s needs %d nodes', (command, count) => {
  const few = FIVE.slice(0, count - 1)
  expect(refusal(command, few)).toBe(`${command.split(' ')[0]} needs ${count} nodes or more`)
  expect(parse(command, FIVE.slice(0, count)).type).toMatch(/^(groups|links)$/)
})

test('isolate cuts one node from the others, which stay connected', () => {
  const fault = network('isolate n3')
  expect(FIVE.map((id) => viewOf(fault, id, FIVE).join())).toEqual([
    'n1,n2,n4,n5',
    'n1,n2,n4,n5',
    'n3',
    'n1,n2,n4,n5',
    'n1,n2,n4,n5',
  ])
})

test('bridge cuts two halves, and one node reaches both', () => {
  const fault = network('bridge n3')
  expect(FIVE.map((id) => viewOf(fault, id, FIVE).join())).toEqual([
    'n1,n2,n3',
    'n1,n2,n3',
    'n1,n2,n3,n4,n5',
    'n3,n4,n5',
    'n3,n4,n5',
  ])
})

describe('ring', () => {
  test.each([3, 4, 5, 6, 7])(
    'of %d nodes: each reaches a majority, and no two reach the same one',
    (count) => {
      const nodes = Array.from({ length: count }, (_, i) => `n${i + 1}`)
      const fault = network('ring', nodes)
      const views = nodes.map((id) => viewOf(fault, id, nodes))
      for (const view of views) expect(view.length).toBeGreaterThan(count / 2)
      expect(new Set(views.map((view) => view.join())).size).toBe(count)
    },
  )

  test('cuts both ways', () => {
    const fault = network('ring')
    for (const [from, to] of orderedPairs(FIVE))
      expect(lossPercent(fault, from, to)).toBe(lossPercent(fault, to, from))
  })
})

describe('single links', () => {
  test('cut cuts one link in both directions', () => {
    const fault = network('cut n1 n3')
    expect(lossPercent(fault, 'n1', 'n3')).toBe(100)
    expect(lossPercent(fault, 'n3', 'n1')).toBe(100)
    expect(lossPercent(fault, 'n1', 'n2')).toBe(0)
  })

  test('oneway cuts one direction', () => {
    const fault = network('oneway n1 n3')
    expect(lossPercent(fault, 'n1', 'n3')).toBe(100)
    expect(lossPercent(fault, 'n3', 'n1')).toBe(0)
  })

  test.each([
    ['loss n1 n3 20%', 20],
    ['loss n1 n3 1', 1],
    ['loss n1 n3 100%', 100],
  ])('%s is both ways', (command, percent) => {
    const fault = network(command)
    expect(lossPercent(fault, 'n1', 'n3')).toBe(percent)
    expect(lossPercent(fault, 'n3', 'n1')).toBe(percent)
    expect(lossPercent(fault, 'n3', 'n2')).toBe(0)
  })

  test.each([
    ['cut n1 n1', 'n1 has no link to itself'],
    ['cut n1', 'cut needs NODE NODE'],
    ['oneway n1 n7', 'there is no node n7; the nodes are n1, n2, n3, n4, n5'],
    ['loss n1 n3 0%', 'PERCENT 0%: must be 1% to 100%'],
    ['loss n1 n3 101%', 'PERCENT 101%: must be 1% to 100%'],
    ['loss n1 n3 2.5%', 'PERCENT 2.5%: must be 1% to 100%'],
    ['loss n1 n3', 'loss needs NODE NODE PERCENT'],
  ])('refuses %s', (command, message) => {
    expect(refusal(command)).toBe(message)
  })
})

test.each(['kill', 'pause', 'restart'])('%s hits one node', (type) => {
  expect(parse(`${type} n2`)).toEqual({ type, node: 'n2' })
  expect(refusal(`${type} n8`)).toMatch(/^there is no node n8/)
})

test('flap cuts a link in both directions, on and off', () => {
  expect(parse('flap n1 n3')).toEqual({
    type: 'links',
    links: [
      { from: 'n1', to: 'n3', lossPercent: 100, turnMs: 1000 },
      { from: 'n3', to: 'n1', lossPercent: 100, turnMs: 1000 },
    ],
  })
  expect(turnMs(network('flap n1 n3'), 'n3', 'n1')).toBe(1000)
  expect(turnMs(network('flap n1 n3'), 'n1', 'n2')).toBeUndefined()
  expect(turnMs(network('isolate n1'), 'n1', 'n2')).toBeUndefined()
  expect(refusal('flap n1')).toBe('flap needs NODE NODE')
})

test.each([
  ['+300s', 300_000],
  ['-300ms', -300],
  ['+5m', 300_000],
  ['+24h', 86_400_000],
])('a clock can be %s off', (offset, offsetMs) => {
  expect(parse(`skew n2 ${offset}`)).toEqual({ type: 'skew', node: 'n2', offsetMs })
})

test.each(['300s', '+0s', '+25h', '+1.5s', '+5', '++5s', 'soon'])(
  '%s is not a valid skew',
  (offset) => {
    expect(refusal(`skew n2 ${offset}`)).toBe(
      `OFFSET ${offset}: must be an offset such as +300s, -500ms or +2h, at most 24h`,
    )
  },
)

test('an unknown command is refused with the list of commands', () => {
  expect(refusal('explode n1')).toMatch(
    /^there is no command explode; the commands are partition, isolate, /,
  )
})
