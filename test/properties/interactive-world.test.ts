/**
 * Interactive worlds: the seed and the timed actions determine the run. Steps of any size, and looks in between, change
 * nothing, and a replay to any instant shows what the first run showed there.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { TimedAction } from '../../src/simulation/interactive/action.ts'
import { InteractiveWorld } from '../../src/simulation/interactive/interactive-world.ts'

const RUNS = { numRuns: 12, seed: 20_261_130 }
const END_MS = 5000

const node = fc.constantFrom('n1', 'n2', 'n3', 'n4')
const asked = fc.record({
  client: fc.integer({ min: 1, max: 3 }),
  node,
  level: fc.constantFrom('weak', 'eventual', 'causal', 'quorum', 'all', 'strong'),
  bucket: fc.constantFrom('default', 'latest', 'strong'),
  key: fc.constantFrom('a', 'b'),
})

const action = fc.oneof(
  { weight: 4, arbitrary: asked.map((request) => ({ do: 'get', ...request })) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(asked, fc.nat({ max: 5 }), fc.boolean())
      .map(([request, value, withContext]) => ({
        do: 'put',
        ...request,
        value: String(value),
        withContext,
      })),
  },
  { weight: 1, arbitrary: asked.map((request) => ({ do: 'delete', ...request })) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('n1', 'n2'),
        fc.constantFrom('n3', 'n4'),
        fc.boolean(),
        fc.constantFrom('reset', 'mute', 'hold'),
      )
      .map(([from, to, oneWay, kind]) => ({ do: 'cut', from: [from], to: [to], oneWay, kind })),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'heal' }) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom('kill', 'power', 'wipe', 'start', 'pause', 'continue'), node)
      .map(([name, id]) => ({ do: name, node: id })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(node, fc.integer({ min: -900, max: 900 }))
      .map(([id, byMs]) => ({ do: 'skew', node: id, byMs })),
  },
  { weight: 1, arbitrary: node.map((id) => ({ do: 'leave', node: id })) },
  { weight: 1, arbitrary: fc.constant({ do: 'cancel' }) },
)

/** Several actions often fall on the same instant. */
const timed = fc
  .tuple(
    fc.oneof(fc.integer({ min: 0, max: END_MS * 1000 }), fc.constantFrom(0, 1_000_000, 2_000_000)),
    action,
  )
  .map(([atUs, what]) => ({ atMs: atUs / 1000, ...what }) as TimedAction)

const steps = fc.array(fc.integer({ min: 0, max: 1_500_000 }), { maxLength: 40 })

it('interactive world: the size of the steps and looks between them change nothing', async () => {
  const ends = new Set<string>()
  await fc.assert(
    fc.asyncProperty(
      fc.string({ minLength: 1, maxLength: 4 }),
      fc.array(timed, { maxLength: 25 }),
      steps,
      fc.nat({ max: END_MS * 1000 }),
      async (seed, actions, sizes, at) => {
        const plan = { seed, nodes: 4, endMs: END_MS, actions }
        const key = { bucket: 'default', key: 'a' }
        const whole = await InteractiveWorld.replayed(plan, END_MS * 1000)
        const stepped = new InteractiveWorld(plan)
        let passing: unknown
        const stops = new Set(
          sizes.map(
            (
              (to) => (size: number) =>
                (to = Math.min(to + size, END_MS * 1000))
            )(0),
          ),
        )
        for (const stop of [...stops, at, END_MS * 1000].toSorted((a, b) => a - b)) {
          await stepped.advance(stop)
          const view = stepped.view({ key })
          stepped.judge()
          if (stop === at) passing = view
        }
        expect(stepped.view({ key })).toEqual(whole.view({ key }))
        expect(stepped.judge()).toEqual(whole.judge())
        expect((await InteractiveWorld.replayed(plan, at)).view({ key })).toEqual(passing)
        expect(whole.view().violation).toBeNull()
        ends.add(whole.view().hash)
      },
    ),
    RUNS,
  )
  expect(ends.size).toBeGreaterThan(RUNS.numRuns / 2)
})

it('interactive world: actions by hand are the plan that repeats them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(timed, { maxLength: 15 }), async (actions) => {
      const world = new InteractiveWorld({ seed: 'h', nodes: 4, endMs: END_MS, actions: [] })
      for (const { atMs, ...what } of actions.toSorted((a, b) => a.atMs - b.atMs)) {
        await world.advance(Math.round(atMs * 1000))
        await world.act(what)
      }
      await world.advance(END_MS * 1000)
      const again = await InteractiveWorld.replayed(world.plan, END_MS * 1000)
      expect(again.view()).toEqual(world.view())
    }),
    { ...RUNS, numRuns: 6 },
  )
})
