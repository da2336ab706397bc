/** Plans of timed actions as people write them: the right ones, and what is said of the wrong ones. */
import { describe, expect, it } from 'vitest'
import { checkPlan } from '../../../src/simulation/interactive/timed-plan.ts'

const PUT = {
  atMs: 100,
  do: 'put',
  client: 1,
  node: 'n1',
  level: 'quorum',
  bucket: 'default',
  key: 'k',
  value: 'v',
} as const

function planOf(...actions: readonly unknown[]): unknown {
  return { seed: 's', nodes: 3, endMs: 1000, actions }
}

/** Each action once. */
const ALL = [
  PUT,
  { ...PUT, withContext: true },
  { ...PUT, bucket: 'strong', level: 'strong', ifUnchanged: true },
  { ...PUT, do: 'get', value: undefined },
  { ...PUT, do: 'delete', value: undefined, withContext: false },
  { atMs: 0, do: 'cut', from: ['n1'], to: ['n2', 'n3'], oneWay: true, kind: 'hold' },
  { atMs: 0, do: 'heal' },
  { atMs: 0, do: 'heal', from: ['n1'], to: ['n2'] },
  ...['kill', 'power', 'wipe', 'start', 'pause', 'continue', 'leave', 'remove'].map((name) => ({
    atMs: 0.125,
    do: name,
    node: 'n3',
  })),
  { atMs: 1, do: 'skew', node: 'n2', byMs: -1000 },
  { atMs: 2, do: 'join', node: 'n4' },
  { atMs: 3, do: 'replace', node: 'n4', with: 'n5', lost: true },
  { atMs: 4, do: 'cancel' },
].map((action) => JSON.parse(JSON.stringify(action)) as { readonly atMs: number })

describe('a plan', () => {
  it('may have every action, and is put in the order of the times', () => {
    const { actions, ...others } = checkPlan(planOf(...ALL))
    expect(others).toEqual({ seed: 's', nodes: 3, endMs: 1000 })
    expect(actions).toEqual(ALL.toSorted((a, b) => a.atMs - b.atMs))
  })

  it.each([
    ['the plan: must be an object', []],
    ['the plan: seed is missing', { nodes: 3, endMs: 1, actions: [] }],
    [
      'the plan: nodes must be a whole number from 3 to 9',
      { seed: 's', nodes: 2, endMs: 1, actions: [] },
    ],
    [
      'the plan: there is no field seconds; the fields are seed, nodes, zones, endMs, actions',
      { seed: 's', nodes: 3, seconds: 1, actions: [] },
    ],
    [
      'the plan: zones must not be more than nodes',
      { seed: 's', nodes: 3, zones: 4, endMs: 1, actions: [] },
    ],
    [
      'actions[0] (put): ifUnchanged needs the bucket strong',
      planOf({ ...PUT, ifUnchanged: true }),
    ],
    [
      'the plan: endMs must be ms from 0 to 3600000, with at most three decimals',
      { seed: 's', nodes: 3, endMs: 1.000_05, actions: [] },
    ],
    [
      'the plan: endMs is 1000, but an action follows at 1001',
      planOf({ atMs: 1001, do: 'kill', node: 'n1' }),
    ],
    ['actions[0]: must be an object', planOf('kill n1')],
    ['actions[1]: do is missing, but must be one of get, put, ', planOf(PUT, { atMs: 1 })],
    ['actions[0]: do is "toString", but must be one of', planOf({ atMs: 1, do: 'toString' })],
    ['actions[0] (kill): atMs is missing', planOf({ do: 'kill', node: 'n1' })],
    [
      'actions[0] (kill): node must be a node, such as "n1"',
      planOf({ atMs: 1, do: 'kill', node: 1 }),
    ],
    [
      'actions[0] (kill): there is no field nodes; the fields are atMs, do, node',
      planOf({ atMs: 1, do: 'kill', nodes: ['n1'] }),
    ],
    ['actions[0] (put): level must be one of weak, eventual,', planOf({ ...PUT, level: 'most' })],
    [
      'actions[0] (put): bucket must be one of default, latest, strong',
      planOf({ ...PUT, bucket: 'carts' }),
    ],
    ['actions[0] (put): key must be a text of 1 to 512 characters', planOf({ ...PUT, key: '' })],
    [
      'actions[0] (put): value must be a text of 0 to 512 characters',
      planOf({ ...PUT, value: '\ud800' }),
    ],
    ['actions[0] (put): withContext must be true or false', planOf({ ...PUT, withContext: 'yes' })],
    [
      'actions[0] (cut): to must be a list of nodes, such as ["n1", "n2"]',
      planOf({ atMs: 1, do: 'cut', from: ['n1'], to: [] }),
    ],
    [
      'actions[0] (cut): n1 is on both sides of the cut',
      planOf({ atMs: 1, do: 'cut', from: ['n1'], to: ['n1'] }),
    ],
    ['actions[0] (heal): from and to go together', planOf({ atMs: 1, do: 'heal', from: ['n1'] })],
    [
      'kill at 1 ms: there is no n4; the nodes are n1, n2, n3',
      planOf({ atMs: 1, do: 'kill', node: 'n4' }, { atMs: 2, do: 'join', node: 'n4' }),
    ],
    [
      'join at 1 ms: the id n3 is taken, also if its node has left',
      planOf({ atMs: 1, do: 'join', node: 'n3' }),
    ],
  ])('is refused: %s', (message, data) => {
    expect(() => checkPlan(data)).toThrow(message)
  })
})
