/** What else is seen of an interactive world: frames that arrived, repairs, sets of owners, and plans cut short. */
import { expect, it } from 'vitest'
import { InteractiveWorld } from '../../../src/simulation/interactive/interactive-world.ts'
import { SPLIT_PLAN } from './split-plan.ts'

const SECOND_US = 1_000_000

it('frames that arrived are counted, and the newest are kept with their kinds', async () => {
  const world = await InteractiveWorld.replayed(SPLIT_PLAN, 1.9 * SECOND_US)
  const before = world.view().arrivalEnd
  await world.advance(2.1 * SECOND_US)
  const { arrivals, arrivalEnd } = world.view({ arrivalsFrom: before })
  expect(arrivals.map(({ number }) => number)).toEqual(
    Array.from({ length: arrivalEnd - before }, (_, i) => before + i),
  )
  const kinds = arrivals.flatMap(({ messages }) =>
    messages.map(({ kind, answer }) => `${kind} ${answer}`),
  )
  expect(kinds).toEqual(expect.arrayContaining(['apply null', 'apply ok']))
  expect(arrivals.every(({ from, to }) => from !== to)).toBe(true)
  await world.advance(60 * SECOND_US)
  const all = world.view()
  expect(all.arrivals.length).toBeLessThan(all.arrivalEnd)
  expect(all.arrivals.at(-1)!.number).toBe(all.arrivalEnd - 1)
})

it('a repair is a copy that a node had missed', async () => {
  const world = await InteractiveWorld.replayed(SPLIT_PLAN, 8 * SECOND_US)
  expect(world.view().repairs).toEqual([])
  await world.advance(12 * SECOND_US)
  const { repairs } = world.view()
  expect(repairs.length).toBeGreaterThan(0)
  for (const { atUs, bucket, key } of repairs) {
    expect(atUs).toBeGreaterThan(8 * SECOND_US)
    expect({ bucket, key }).toEqual({ bucket: 'default', key: 'cart' })
  }
})

it('the sets of owners share all keys among them', async () => {
  const small = await InteractiveWorld.replayed(SPLIT_PLAN, SECOND_US)
  expect(small.view().ownerSets).toEqual([{ owners: ['n1', 'n2', 'n3'], share: 1 }])
  const plan = { seed: 'sets', nodes: 5, endMs: 1000, actions: [] }
  const { ownerSets } = (await InteractiveWorld.replayed(plan, SECOND_US)).view()
  expect(ownerSets.length).toBeGreaterThan(5)
  expect(ownerSets.every(({ owners }) => owners.length === 3)).toBe(true)
  expect(ownerSets.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
  expect(new InteractiveWorld(plan).view().ownerSets).toEqual([])
})

it('what is planned for later can be dropped, and the run so far stays', async () => {
  const world = await InteractiveWorld.replayed(SPLIT_PLAN, 3.2 * SECOND_US)
  const { hash } = world.view()
  await world.forgetLater()
  expect(world.view().hash).toBe(hash)
  expect(world.plan).toEqual({
    ...SPLIT_PLAN,
    endMs: 3200,
    actions: SPLIT_PLAN.actions.slice(0, 2),
  })
})

it('nodes stand in zones only if a plan says so, and each key then has owners in all zones', async () => {
  const plan = { seed: 'zones', nodes: 6, zones: 3, endMs: 1000, actions: [] }
  const { nodes, ownerSets } = (await InteractiveWorld.replayed(plan, SECOND_US)).view()
  const zones = new Map(nodes.map(({ id, zone }) => [id, zone]))
  expect([...zones.values()].join(' ')).toBe('zone-1 zone-1 zone-2 zone-2 zone-3 zone-3')
  for (const { owners } of ownerSets)
    expect(new Set(owners.map((id) => zones.get(id))).size).toBe(3)
  const { zones: _, ...plain } = plan
  const alone = (await InteractiveWorld.replayed(plain, SECOND_US)).view()
  expect(alone.nodes.map(({ zone }) => zone)).toEqual([null, null, null, null, null, null])
})
