/** A request hop by hop: what is told of real runs, and that looking at it changes nothing. */
import { describe, expect, it } from 'vitest'
import { type HopStory, hopStory } from '../../src/lab/picture/hop-story.ts'
import type { RequestAction, TimedAction } from '../../src/simulation/interactive/action.ts'
import { InteractiveWorld } from '../../src/simulation/interactive/interactive-world.ts'
import { playPlan } from '../../src/simulation/interactive/play-plan.ts'
import type { Followed, HopsView } from '../../src/simulation/interactive/request-hops.ts'
import { SPLIT_PLAN } from '../simulation/interactive/split-plan.ts'

const SECOND_US = 1_000_000
const CART = { bucket: 'default', key: 'cart' } as const
const SEAT = { bucket: 'strong', key: 'seat' } as const

type Asked = Partial<RequestAction> & { readonly do: RequestAction['do'] }

function at(atMs: number, action: Asked): TimedAction {
  const asked = { client: 1, node: 'n1', level: 'quorum', ...CART, atMs, ...action }
  return (action.do === 'put' ? { value: 'apple', ...asked } : asked) as TimedAction
}

async function run(
  actions: readonly TimedAction[],
  endMs = 8000,
  nodes = 3,
): Promise<InteractiveWorld> {
  return InteractiveWorld.replayed({ seed: 'hops', nodes, endMs, actions }, endMs * 1000)
}

function hopsOf(world: InteractiveWorld, followed: Followed = 'newest'): HopsView {
  return world.view({ followed }).hops!
}

function storyOf(world: InteractiveWorld, followed: Followed = 'newest'): HopStory {
  return hopStory(hopsOf(world, followed))
}

function wordsOf({ steps }: HopStory): string {
  return steps.map(({ number, words, mark }) => `${number} ${mark}: ${words}`).join('\n')
}

/** The only owner set of three nodes; of more nodes, an owner and another node. */
function ownerAndStranger(world: InteractiveWorld): readonly [string, string] {
  const { owners, fallbacks } = world.view({ key: CART }).key!
  return [owners[0]!, fallbacks[0]!]
}

describe('a quorum write at an owner', () => {
  it('asks the others at once; the first answer decides, the other one is late', async () => {
    const story = storyOf(await run([at(3000, { do: 'put' })]))
    expect(story.title).toBe('A puts "apple" at n1, level quorum')
    expect(story.rule).toMatch(/^Level quorum waits for 2 of the 3 owners n\d, n\d and n\d\.$/)
    expect(story.decided).toMatch(/^The answer of n[23] decided, after \d+\.\d ms\.$/)
    expect(story.steps.map(({ mark }) => mark).toSorted()).toEqual([
      'decides',
      'late',
      'plain',
      'plain',
      'plain',
      'plain',
      'plain',
    ])
    const words = wordsOf(story)
    expect(words).toMatch(
      /^1 plain: A asks n1\n2 plain: n1 sends n[23] the write\n3 plain: n1 sends/,
    )
    expect(words).toMatch(/plain: n1 has stored its own copy/)
    expect(words).toMatch(
      /decides: n[23] has stored it\. This answer decides\n\d plain: n1 answers A: acknowledged/,
    )
    expect(words).toMatch(/late: n[23] has stored it, after the outcome$/)
    expect(story.steps.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7])
    const times = story.steps.map(({ afterUs }) => afterUs)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    // Two messages there, and two back, each with the number of its step.
    expect(story.lines.filter(({ isAnswer }) => isAnswer).map(({ to }) => to)).toEqual(['n1', 'n1'])
    expect(story.lines).toHaveLength(4)
    expect(story.lines.every(({ kind }) => kind === 'write')).toBe(true)
  })

  it('is told as far as it has come', async () => {
    const actions = [at(3000, { do: 'put' })]
    const { hops } = hopsOf(await run(actions))
    const plan = { seed: 'hops', nodes: 3, endMs: 8000, actions }
    const world = await InteractiveWorld.replayed(plan, hops[0]!.ask.sentUs + 1)
    const story = storyOf(world)
    expect(story.decided).toBeNull()
    expect(wordsOf(story)).toMatch(/waits: n1 sends n[23] the write: on its way/)
    expect(story.lines.map(({ mark }) => mark)).toEqual(['waits', 'waits'])
    expect(hopsOf(world).hops.every(({ ask }) => ask.arrivedUs === null)).toBe(true)
  })
})

it('behind a cut, the messages are lost, and nothing decides', async () => {
  const world = await InteractiveWorld.replayed(SPLIT_PLAN, 7 * SECOND_US)
  const story = storyOf(world, { client: 1 })
  expect(story.title).toContain('"bread"')
  expect(wordsOf(story)).toMatch(/lost: n1 sends n2 the write: lost on the way/)
  expect(story.decided).toMatch(/^No answer decided: it ended after 1\d{3} ms\.$/)
  expect(story.lines.map(({ mark }) => mark)).toEqual(['lost', 'lost'])
  expect(storyOf(world, { request: 3 }).decided).toMatch(/^The answer of n3 decided/)
  expect(world.view({ followed: { request: 4 } }).hops).toBeNull()
})

it('a paused owner gets the message and does not answer', async () => {
  const world = await run(
    [{ atMs: 2500, do: 'pause', node: 'n3' }, at(2501, { do: 'put', level: 'all' })],
    5000,
  )
  expect(wordsOf(storyOf(world))).toMatch(
    /waits: n1 sends n3 the write: n3 got it, but has not answered/,
  )
})

it('an owner that is known to be away is not asked; a hint is kept for it', async () => {
  const start = await run([], 2000, 4)
  const { owners, fallbacks } = start.view({ key: CART }).key!
  const [first, second] = owners as [string, string]
  const world = await run(
    [
      { atMs: 2000, do: 'kill', node: first },
      at(6000, { do: 'put', node: second, level: 'eventual' }),
    ],
    8000,
    4,
  )
  const words = wordsOf(storyOf(world))
  expect(words).toContain(`${second} does not ask ${first}: it is out of reach`)
  expect(words).toContain(`${second} asks ${fallbacks[0]} to keep a hint for ${first}`)
  expect(words).toContain(`${fallbacks[0]} keeps the hint`)
})

it('a node that does not own the key passes the write on, and the owner asks the others', async () => {
  const start = await run([], 2000, 5)
  const [, stranger] = ownerAndStranger(start)
  const world = await run([at(3000, { do: 'put', node: stranger })], 5000, 5)
  const { hops, owners } = hopsOf(world)
  const [forward, ...rest] = hops
  expect(forward).toMatchObject({ kind: 'put', from: stranger })
  expect(owners).toContain(forward!.to)
  expect(rest.map(({ kind, from }) => [kind, from])).toEqual([
    ['apply', forward!.to],
    ['apply', forward!.to],
  ])
  const story = storyOf(world)
  expect(wordsOf(story)).toContain(`${stranger} passes the request on to ${forward!.to}, an owner`)
  // What decided is the answer that the owner waited for, not that it told the first node.
  expect(
    owners.filter((owner) => owner !== forward!.to).some((owner) => story.decided!.includes(owner)),
  ).toBe(true)
  expect(wordsOf(story)).toContain(`${forward!.to} has stored its own copy`)
})

it('a read compares the owners after its answer, and repairs the one that is behind', async () => {
  const world = await run(
    [
      at(2500, { do: 'put', level: 'all' }),
      { atMs: 3000, do: 'cut', from: ['n3'], to: ['n1', 'n2'] },
      at(3001, { do: 'put', value: 'bread' }),
      { atMs: 4400, do: 'heal' },
      at(4500, { do: 'get' }),
    ],
    6000,
  )
  const words = wordsOf(storyOf(world))
  expect(words).toMatch(/plain: n1 reads its own copy/)
  expect(words).toMatch(/decides: n\d (?:answers|tells)/)
  expect(words).toMatch(/n1 answers A: found "bread"/)
})

it('two proposers: one decides, and the other one is told so', async () => {
  const claim = { do: 'put', level: 'strong', ifUnchanged: true, ...SEAT } as const
  const world = await run([
    at(3000, { ...claim, value: 'Ada' }),
    at(3000, { ...claim, value: 'Ben', client: 2, node: 'n2' }),
  ])
  const told = [1, 2].map((client) => storyOf(world, { client }))
  for (const { rule } of told) {
    expect(rule).toMatch(/^Level strong needs the same decision of 2 of the 3 owners /)
  }
  const words = told.map(wordsOf)
  expect(words.filter((each) => each.includes('acknowledged'))).toHaveLength(1)
  expect(words.filter((each) => each.includes('the condition does not hold'))).toHaveLength(1)
  const won = words.find((each) => each.includes('acknowledged'))!
  expect(won).toMatch(/to promise its ballot \(prepare\)/)
  expect(won).toMatch(/n\d promises/)
  expect(won).toMatch(/to accept the value \(accept\)/)
  expect(won).toMatch(
    /decides: n\d (?:accepts\. This answer|answers itself, as an owner\. This) decides/,
  )
  expect(told.flatMap(({ lines }) => lines.map(({ kind }) => kind))).toContain('consensus')
})

it('two writes of the same instant at one node each have their own messages', async () => {
  const world = await run([
    at(3000, { do: 'put', value: 'apple' }),
    at(3000, { do: 'put', value: 'bread', client: 2 }),
  ])
  for (const client of [1, 2]) {
    const { hops } = hopsOf(world, { client })
    expect(hops.map(({ to }) => to).toSorted()).toEqual(['n2', 'n3'])
    expect(hops.every(({ answer }) => answer?.says.type === 'stored')).toBe(true)
  }
})

it('a node that is down is told, and so is a client that gives up', async () => {
  const down = await run([{ atMs: 2500, do: 'kill', node: 'n1' }, at(3000, { do: 'put' })])
  expect(wordsOf(storyOf(down))).toMatch(/A: rejected, nothing was applied: nobody listens/)
  const frozen = await run([{ atMs: 2500, do: 'pause', node: 'n1' }, at(3000, { do: 'put' })])
  expect(wordsOf(storyOf(frozen))).toMatch(/A: outcome unknown: the client got no answer in time/)
  expect(storyOf(frozen).lines).toEqual([])
})

it('a read that needs one copy is answered from the own copy, and compares the others then', async () => {
  const world = await run([
    at(3000, { do: 'put', level: 'all' }),
    at(4000, { do: 'get', level: 'eventual' }),
  ])
  const story = storyOf(world)
  expect(story.decided).toMatch(/^The own copy of n1 decided, after/)
  const words = wordsOf(story)
  expect(words).toMatch(
    /decides: n1 reads its own copy\. This decides\n\d plain: n1 answers A: found/,
  )
  expect(words).toMatch(/n1 asks n2 for the version of its copy, to see whether it is behind/)
  expect(story.steps.some(({ mark }) => mark === 'late')).toBe(false)
  expect(storyOf(world, { request: 1 }).rule).toMatch(/^Level all waits for the 3 owners/)
})

it('is the same however the run is driven, and looking changes no hash', async () => {
  const stories: HopStory[][] = []
  for (const stepUs of [12 * SECOND_US, 7919]) {
    const world = new InteractiveWorld(SPLIT_PLAN)
    for (let us = 0; us < 12 * SECOND_US; us += stepUs) {
      await world.advance(Math.min(12 * SECOND_US, us + stepUs))
      if (stepUs > SECOND_US || us % (stepUs * 100) === 0) world.view({ followed: 'newest' })
    }
    const count = world.view().requests.length
    stories.push(Array.from({ length: count }, (_, i) => storyOf(world, { request: i + 1 })))
    expect(world.view().hash).toBe((await playPlan(SPLIT_PLAN)).hash)
  }
  expect(stories[1]).toEqual(stories[0])
})
