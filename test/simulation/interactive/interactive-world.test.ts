/** Interactive worlds as a person drives them: what each action does, and what is seen of it. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { Action, TimedAction } from '../../../src/simulation/interactive/action.ts'
import { InteractiveWorld } from '../../../src/simulation/interactive/interactive-world.ts'
import type { RequestView } from '../../../src/simulation/interactive/timed-clients.ts'
import type { TimedPlan } from '../../../src/simulation/interactive/timed-plan.ts'
import type { NodeView } from '../../../src/simulation/interactive/world-view.ts'
import { SPLIT_PLAN } from './split-plan.ts'

const SECOND_US = 1_000_000
/** The nodes have found each other by then. */
const FORMED_US = 2 * SECOND_US
const CART = { bucket: 'default', key: 'cart' } as const

async function formed(nodes = 3, actions: readonly TimedAction[] = []): Promise<InteractiveWorld> {
  return InteractiveWorld.replayed({ seed: 'w', nodes, endMs: 60_000, actions }, FORMED_US)
}

async function after(world: InteractiveWorld, seconds: number): Promise<void> {
  await world.advance(world.nowUs + seconds * SECOND_US)
}

function put(node: string, value: string, more: Partial<Action> = {}): Action {
  return { do: 'put', client: 1, node, level: 'quorum', value, ...CART, ...more } as Action
}

function get(node: string, more: Partial<Action> = {}): Action {
  return { do: 'get', client: 1, node, level: 'quorum', ...CART, ...more } as Action
}

function lastRequest(world: InteractiveWorld): RequestView {
  return world.view().requests.at(-1)!
}

function nodeOf(world: InteractiveWorld, id: string): NodeView {
  return world.view().nodes.find((node) => node.id === id)!
}

/** The values that each node holds of the cart, by node. */
function copiesOf(world: InteractiveWorld): Record<string, string[]> {
  const { copies } = world.view({ key: CART }).key!
  return Object.fromEntries(
    Object.entries(copies).map(([id, { siblings }]) => [id, siblings.map(({ value }) => value)]),
  )
}

describe('a cut that parts n1 from n2 and n3', () => {
  let world: InteractiveWorld
  beforeAll(async () => {
    world = await InteractiveWorld.replayed(SPLIT_PLAN, 7 * SECOND_US)
  })

  it('cuts both directions of both links, and is seen', () => {
    const cut = world.view().links.filter((link) => link.cut !== null)
    expect(cut.map(({ from, to }) => `${from}>${to}`).toSorted()).toEqual([
      'n1>n2',
      'n1>n3',
      'n2>n1',
      'n3>n1',
    ])
  })

  it('leaves a quorum write at n1 without acknowledgement, and lets one at n2 succeed', () => {
    const [apple, bread, cheese] = world.view().requests
    expect(apple).toMatchObject({ state: 'ok', error: null })
    expect(bread!.state).toMatch(/^(?:rejected|unknown)$/)
    expect(Object.fromEntries(bread!.replicas.map(({ node, status }) => [node, status]))).toEqual({
      n1: 'ok',
      n2: 'timeout',
      n3: 'timeout',
    })
    expect(bread!.error).toMatch(/^[a-z_]+: ./)
    expect(cheese).toMatchObject({ state: 'ok', error: null })
    expect(copiesOf(world)).toEqual({ n1: ['bread'], n2: ['cheese'], n3: ['cheese'] })
  })

  it('leaves equal copies after it has healed, with both values as siblings', async () => {
    const healed = await InteractiveWorld.replayed(SPLIT_PLAN, 12 * SECOND_US)
    const copies = copiesOf(healed)
    expect(copies).toEqual({ n1: copies['n2'], n2: copies['n2'], n3: copies['n2'] })
    expect(lastRequest(healed)).toMatchObject({ state: 'ok', values: copies['n1'] })
    expect(copies['n1']!.toSorted()).toEqual(['bread', 'cheese'])
    expect(healed.view().links.every(({ cut, isOpen }) => cut === null && isOpen)).toBe(true)
  })
})

it('a cut of one direction stops only that direction', async () => {
  const world = await formed()
  await world.act({ do: 'cut', from: ['n1'], to: ['n2'], oneWay: true, kind: 'reset' })
  await after(world, 1)
  const cuts = world.view().links.filter(({ cut }) => cut !== null)
  expect(cuts).toEqual([{ from: 'n1', to: 'n2', cut: 'reset', isOpen: false }])
  await world.act({ do: 'heal', from: ['n2'], to: ['n1'] })
  await after(world, 1)
  expect(world.view().links.filter(({ cut, isOpen }) => cut !== null || !isOpen)).toEqual([])
})

describe('a node', () => {
  it('that is killed takes no requests, and is not missed by a quorum; its hints come back to it', async () => {
    const world = await formed(4)
    const { owners } = world.view({ key: CART }).key!
    const [first, second] = owners as [string, string]
    await world.act({ do: 'kill', node: first })
    await world.act(get(first))
    expect(lastRequest(world)).toMatchObject({ state: 'rejected', values: null })
    expect(nodeOf(world, first)).toMatchObject({ state: 'stopped', epoch: null })
    await after(world, 4)
    await world.act(put(second, 'apple', { level: 'eventual' } as Partial<Action>))
    await after(world, 1)
    expect(lastRequest(world)).toMatchObject({ state: 'ok' })
    const key = world.view({ key: CART }).key!
    expect(key.hints.map(({ owner }) => owner)).toContain(first)
    expect(key.copies[first]).toBeUndefined()
    const [hint] = key.hints
    expect(nodeOf(world, hint!.holder).hints[first]).toBe(1)

    await world.act({ do: 'start', node: first })
    await after(world, 10)
    expect(nodeOf(world, first).state).toBe('up')
    expect(copiesOf(world)[first]).toEqual(['apple'])
    expect(world.view({ key: CART }).key!.hints).toEqual([])
  })

  it('that is paused lets its client wait until it gives up, and then continues', async () => {
    const world = await formed()
    await world.act({ do: 'pause', node: 'n1' })
    await world.act(put('n1', 'apple'))
    await after(world, 1)
    expect(nodeOf(world, 'n1').state).toBe('paused')
    expect(lastRequest(world).state).toBe('under way')
    await world.act(get('n2'))
    expect(lastRequest(world)).toMatchObject({ state: 'waiting', sentUs: null })
    await after(world, 2)
    const [write, read] = world.view().requests
    expect(write).toMatchObject({ state: 'unknown', endedUs: write!.sentUs! + 2 * SECOND_US })
    expect(read).toMatchObject({ state: 'ok', sentUs: write!.endedUs, values: [] })
    await world.act({ do: 'continue', node: 'n1' })
    await after(world, 1)
    expect(nodeOf(world, 'n1').state).toBe('up')
    // The write was under way all the time, so it took effect late.
    expect(copiesOf(world)['n2']).toEqual(['apple'])
  })

  it('that loses its disk is filled again by the others', async () => {
    const world = await formed()
    await world.act(put('n1', 'apple', { level: 'all' } as Partial<Action>))
    await after(world, 1)
    await world.act({ do: 'wipe', node: 'n3' })
    expect(copiesOf(world)).toEqual({ n1: ['apple'], n2: ['apple'] })
    await world.act({ do: 'start', node: 'n3' })
    await after(world, 20)
    expect(copiesOf(world)['n3']).toEqual(['apple'])
    expect(world.view().violation).toBeNull()
  })

  it('that loses its power keeps what was acknowledged', async () => {
    const world = await formed()
    await world.act(put('n1', 'apple', { level: 'all' } as Partial<Action>))
    await after(world, 1)
    await world.act({ do: 'power', node: 'n2' })
    expect(copiesOf(world)['n2']).toEqual(['apple'])
  })

  it('has a clock that can be set wrong', async () => {
    const world = await formed()
    await world.act({ do: 'skew', node: 'n2', byMs: -250 })
    await after(world, 1)
    expect(world.view().nodes.map(({ clockOffsetMs }) => clockOffsetMs)).toEqual([0, -250, 0])
    await world.act({ do: 'skew', node: 'n2', byMs: 0 })
    expect(nodeOf(world, 'n2').clockOffsetMs).toBe(0)
  })
})

describe('the members', () => {
  it('change: a node joins, another one leaves', async () => {
    const world = await formed()
    await world.act(put('n1', 'apple'))
    await world.act({ do: 'join', node: 'n4' })
    expect(nodeOf(world, 'n4').state).toBe('gone')
    await world.act({ do: 'leave', node: 'n2' })
    await after(world, 30)
    expect(nodeOf(world, 'n4').state).toBe('up')
    const texts = world.view().log.map(({ text }) => text)
    expect(texts).toContain('join n4: decided')
    expect(texts).toContain('refused: the outcome of the change before is not known yet')
    await world.act({ do: 'leave', node: 'n2' })
    await after(world, 30)
    const { owners, next } = world.view({ key: CART }).key!
    expect({ owners: owners.toSorted(), next }).toEqual({ owners: ['n1', 'n3', 'n4'], next: null })
    expect(Object.keys(copiesOf(world)).toSorted()).toEqual(['n1', 'n3', 'n4'])
  })

  it('change: a lost node is removed, or replaced', async () => {
    const world = await formed(5)
    await world.act({ do: 'remove', node: 'n5' })
    await after(world, 20)
    expect(nodeOf(world, 'n5').state).toBe('gone')
    await world.act({ do: 'replace', node: 'n4', with: 'n6', lost: true })
    await after(world, 20)
    expect(nodeOf(world, 'n6').state).toBe('up')
    const { owners, fallbacks } = world.view({ key: CART }).key!
    expect([...owners, ...fallbacks].toSorted()).toEqual(['n1', 'n2', 'n3', 'n6'])
  })
})

it('messages in flight are seen with their kinds, and the answers with the kind of their ask', async () => {
  const world = await formed()
  await world.act(put('n1', 'apple'))
  const seen = new Map<string, number>()
  for (let i = 0; i < 40; i++) {
    await world.advance(world.nowUs + 100)
    for (const { from, to, sentUs, dueUs, messages } of world.view().flights) {
      expect(sentUs).toBeLessThanOrEqual(world.nowUs)
      expect(dueUs).toBeGreaterThan(world.nowUs)
      expect(from).not.toBe(to)
      for (const { kind, answer } of messages) seen.set(`${kind} ${answer}`, dueUs)
    }
  }
  expect([...seen.keys()]).toEqual(expect.arrayContaining(['apply null', 'apply ok']))
})

it('a frame that a cut holds back stays in flight until the cut is healed', async () => {
  const world = await formed()
  await world.act({ do: 'cut', from: ['n1'], to: ['n2', 'n3'], kind: 'hold' })
  await after(world, 1)
  const late = world.view().flights.filter(({ dueUs }) => dueUs < world.nowUs)
  expect(late.length).toBeGreaterThan(0)
  await world.act({ do: 'heal' })
  await after(world, 1)
  expect(world.view().flights.filter(({ dueUs }) => dueUs < world.nowUs)).toEqual([])
})

it('a client sends its requests one after another, however many wait', async () => {
  const world = await formed()
  await world.act({ do: 'pause', node: 'n1' })
  await world.act({ do: 'kill', node: 'n2' })
  await world.act(get('n1'))
  const { plan } = world
  const many = Array.from({ length: 5000 }, () => ({ ...get('n2'), atMs: plan.endMs }))
  const crowded = { ...plan, endMs: plan.endMs + 3000, actions: [...plan.actions, ...many] }
  const again = await InteractiveWorld.replayed(crowded, Math.round(crowded.endMs * 1000))
  const { requests, violation } = again.view()
  expect(violation).toBeNull()
  expect(requests).toHaveLength(5001)
  expect(requests.slice(1).every(({ state }) => state === 'rejected')).toBe(true)
})

it('clients merge siblings with the context of what they read', async () => {
  const world = await formed()
  await world.act(put('n1', 'apple', { withContext: true } as Partial<Action>))
  await world.act(put('n2', 'bread', { client: 2, withContext: true } as Partial<Action>))
  await after(world, 1)
  await world.act(get('n3'))
  await after(world, 1)
  expect(lastRequest(world).values!.toSorted()).toEqual(['apple', 'bread'])
  await world.act(put('n3', 'both', { withContext: true } as Partial<Action>))
  await after(world, 1)
  expect(copiesOf(world)).toEqual({ n1: ['both'], n2: ['both'], n3: ['both'] })
  await world.act({ do: 'delete', client: 1, node: 'n3', level: 'quorum', ...CART })
  await after(world, 1)
  const [sibling] = world.view({ key: CART }).key!.copies['n3']!.siblings
  expect(sibling).toMatchObject({ isTombstone: true, value: '' })
  await world.act(get('n1'))
  await after(world, 1)
  expect(lastRequest(world).values).toEqual([])
})

describe('the judgement', () => {
  it('names the requests that break a level, and grows with the history', async () => {
    const world = await formed()
    expect(world.judge().levels.every(({ judgement }) => judgement === 'holds')).toBe(true)
    const at = { bucket: 'latest', key: 'k' } as Partial<Action>
    const eventual = { ...at, level: 'eventual' } as Partial<Action>
    await world.act(put('n1', 'old', at))
    await after(world, 1)
    await world.act(get('n2', { ...at, client: 2 } as Partial<Action>))
    await after(world, 1)
    await world.act({ do: 'cut', from: ['n1'], to: ['n2', 'n3'] })
    await world.act(put('n2', 'new', { ...at, client: 2 } as Partial<Action>))
    await after(world, 3)
    expect(world.judge().strongest).toBe('the strongest level that holds is linearizable')
    await world.act(get('n1', { ...eventual, client: 3 } as Partial<Action>))
    await after(world, 3)
    const [linearizable, sequential] = world.judge().levels
    expect(linearizable).toMatchObject({ judgement: 'broken', evidence: [1, 3, 4] })
    expect(sequential).toMatchObject({ judgement: 'holds', why: null, evidence: [] })
    // Client 2 read the old value before its own write, so the old value is older.
    await world.act(get('n1', { ...eventual, client: 2 } as Partial<Action>))
    await after(world, 3)
    const own = world.judge().levels.find(({ level }) => level === 'read your writes')
    expect(own).toMatchObject({ judgement: 'broken' })
    expect(own!.evidence).toEqual(expect.arrayContaining([3, 5]))
  })

  it('of causal sessions: a client finds its own write at another node, or gets no answer', async () => {
    const world = await formed()
    const causal = { level: 'causal' } as Partial<Action>
    await world.act({ do: 'cut', from: ['n1'], to: ['n2', 'n3'] })
    await world.act(put('n2', 'apple', causal))
    await after(world, 3)
    await world.act(get('n1', causal))
    await after(world, 3)
    expect(lastRequest(world).state).toBe('rejected')
    await world.act({ do: 'heal' })
    await after(world, 3)
    await world.act(get('n1', causal))
    await after(world, 1)
    expect(lastRequest(world)).toMatchObject({ state: 'ok', values: ['apple'] })
  })
})

describe('time', () => {
  it('never goes back, and steps that overlap wait for each other', async () => {
    const world = await formed()
    await Promise.all([world.advance(3 * SECOND_US), world.advance(4 * SECOND_US)])
    expect(world.nowUs).toBe(4 * SECOND_US)
    await expect(world.advance(3 * SECOND_US)).rejects.toThrow('time never goes back')
    await world.advance(5 * SECOND_US)
    expect(world.nowUs).toBe(5 * SECOND_US)
  })

  it('a wrong action is refused, and changes nothing', async () => {
    const world = await formed()
    const { plan } = world
    await expect(world.act({ do: 'kill', node: 'n9' })).rejects.toThrow('there is no n9')
    expect(world.plan).toEqual(plan)
  })

  it('what was done by hand is a plan that ends with the same hash', async () => {
    const world = await formed(3, [{ atMs: 2500, do: 'kill', node: 'n3' }])
    await world.act(put('n1', 'apple'))
    await world.act({ do: 'pause', node: 'n2' })
    await after(world, 0.333_337)
    await world.act({ do: 'continue', node: 'n2' })
    await after(world, 2)
    const plan = JSON.parse(JSON.stringify(world.plan)) as TimedPlan
    expect(plan.actions).toHaveLength(4)
    const again = await InteractiveWorld.replayed(plan, Math.round(plan.endMs * 1000))
    expect(again.view({ key: CART })).toEqual(world.view({ key: CART }))
  })

  it('the log can be read from a line on, and a view is plain data', async () => {
    const world = await InteractiveWorld.replayed(SPLIT_PLAN, 4 * SECOND_US)
    const view = world.view({ key: CART })
    expect(JSON.parse(JSON.stringify(view))).toEqual(view)
    expect(view.log).toHaveLength(view.logEnd)
    expect(world.view({ logFrom: view.logEnd - 2 }).log).toEqual(view.log.slice(-2))
  })
})
