/** Clients that write strong keys only if these are as they have last seen them. */
import { expect, it } from 'vitest'
import type { Action } from '../../../src/simulation/interactive/action.ts'
import { InteractiveWorld } from '../../../src/simulation/interactive/interactive-world.ts'

const SECOND_US = 1_000_000
const SEAT = { bucket: 'strong', key: 'seat', level: 'strong' } as const

/** What became of the requests, each sent a second after the one before. */
async function outcomes(...actions: readonly Action[]): Promise<InteractiveWorld> {
  const world = new InteractiveWorld({ seed: 'swap', nodes: 3, endMs: 60_000, actions: [] })
  await world.advance(2 * SECOND_US)
  for (const action of actions) {
    await world.act(action)
    await world.advance(world.nowUs + SECOND_US)
  }
  return world
}

function put(client: number, value: string, ifUnchanged = true): Action {
  return { do: 'put', client, node: `n${client}`, value, ifUnchanged, ...SEAT }
}

function get(client: number): Action {
  return { do: 'get', client, node: `n${client}`, ...SEAT }
}

function statesOf(world: InteractiveWorld): string[] {
  return world.view().requests.map(({ state, error }) => error?.split(':')[0] ?? state)
}

it('a client that has never asked needs the key to be absent', async () => {
  const world = await outcomes(put(1, 'Ada'), put(2, 'Ben'), get(2))
  expect(statesOf(world)).toEqual(['ok', 'precondition_failed', 'ok'])
  expect(world.view().requests[2]!.values).toEqual(['Ada'])
})

it('a client replaces just what it has read or written last, and deletes it', async () => {
  const remove: Action = { do: 'delete', client: 1, node: 'n1', ifUnchanged: true, ...SEAT }
  const world = await outcomes(
    put(1, 'Ada'),
    get(2),
    put(1, 'Ada again'),
    put(2, 'Ben'),
    get(2),
    put(2, 'Ben again'),
    remove,
    get(1),
    remove,
    put(1, 'Ada once more'),
  )
  const states = statesOf(world)
  expect(states.slice(0, 6)).toEqual(['ok', 'ok', 'ok', 'precondition_failed', 'ok', 'ok'])
  expect(states.slice(6)).toEqual(['precondition_failed', 'ok', 'ok', 'ok'])
  const { levels } = world.judge()
  expect(levels[0]).toMatchObject({ level: 'linearizable', judgement: 'holds' })
})

it('of two proposals at the same instant one is decided, and the same plan repeats that', async () => {
  const rivals = [1, 2].map((client) => ({ ...put(client, `of ${client}`), atMs: 2000 }))
  const plan = { seed: 'rivals', nodes: 3, endMs: 5000, actions: rivals }
  const world = await InteractiveWorld.replayed(plan, 5 * SECOND_US)
  expect(statesOf(world).toSorted()).toEqual(['ok', 'precondition_failed'])
  const again = await InteractiveWorld.replayed(world.plan, 5 * SECOND_US)
  expect(again.view().hash).toBe(world.view().hash)
})

it('every level is decided for a history with compare-and-set', async () => {
  const world = await outcomes(put(1, 'Ada'), get(2), put(2, 'Ben'))
  expect(world.judge().levels.map(({ judgement }) => judgement)).not.toContain('unknown')
})
