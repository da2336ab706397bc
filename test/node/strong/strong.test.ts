/** Strong keys on virtual time: one winner, exact outcomes, and owners that are gone, full, silent or new. */
import { expect, test } from 'vitest'
import { entityTag } from '../../../src/core/causality/entity-tag.ts'
import type { Condition } from '../../../src/core/consensus/register.ts'
import type { PlainLevel } from '../../../src/core/quorum/level.ts'
import { type Id, IDS, VirtualCluster } from '../virtual-cluster.ts'

const utf8 = new TextEncoder()
const TIMEOUT_MS = 1500
/** A request is told by then; the rest is for looking. */
const TOLD_WITHIN_SECONDS = 2

interface Write {
  readonly condition?: Condition
  readonly idempotencyKey?: string
  readonly timeoutMs?: number
}

/** The ETag of what was written, or the code of the error. Undefined deletes. */
async function put(
  cluster: VirtualCluster,
  id: Id,
  value: string | undefined,
  { condition, idempotencyKey, timeoutMs = TIMEOUT_MS }: Write = {},
  key = 'k',
): Promise<string> {
  const content = {
    value: utf8.encode(value ?? ''),
    contentType: value === undefined ? '' : 'text/plain',
    tombstone: value === undefined,
    expiresAtMs: 0,
  }
  const answer = await cluster.ask(id, (service) =>
    service.put({
      ...at(key, timeoutMs),
      level: 'strong',
      content,
      condition,
      idempotencyKey,
    }),
  )
  if (typeof answer === 'string') return answer
  return answer.siblings.length === 0 ? 'gone' : entityTag(answer.siblings)
}

/** The values, or the code of the error. */
async function get(
  cluster: VirtualCluster,
  id: Id,
  key = 'k',
  level: PlainLevel | 'strong' = 'strong',
): Promise<string[] | string> {
  const answer = await cluster.ask(id, (service) => service.get({ ...at(key), level }))
  if (typeof answer === 'string') return answer
  return answer.siblings.map(({ value }) => new TextDecoder().decode(value))
}

function at(key: string, timeoutMs = TIMEOUT_MS) {
  return { bucket: 'strong', key, timeoutMs, requestId: 'test' }
}

async function started(seed: string): Promise<VirtualCluster> {
  const cluster = new VirtualCluster(seed)
  await cluster.start()
  await cluster.pass(2)
  return cluster
}

/** The owners of the key, in their order. */
async function ownersOf(cluster: VirtualCluster, key = 'k'): Promise<Id[]> {
  const ring = await cluster.ask('n1', (service) => service.ring('strong', key))
  if (typeof ring === 'string') throw new Error(ring)
  return ring.preference.slice(0, 3).map(({ node }) => node as Id)
}

const isTag = expect.stringMatching(/^"/)

test('of two nodes that compare and set the same value at once, one wins', async () => {
  const cluster = await started('race')
  const tag = await put(cluster, 'n1', 'old')
  for (let round = 0, last = tag; round < 10; round++) {
    const condition = { type: 'match', tags: [last] } as const
    const told = await Promise.all(
      IDS.map((id) => put(cluster, id, `${id} ${round}`, { condition })),
    )
    const won = IDS.filter((_, i) => told[i]?.startsWith('"'))
    expect(won).toHaveLength(1)
    expect(told.filter((end) => end === 'precondition_failed')).toHaveLength(2)
    const [winner] = won as [(typeof IDS)[number]]
    for (const id of IDS) expect(await get(cluster, id)).toEqual([`${winner} ${round}`])
    last = told[IDS.indexOf(winner)] as string
  }
  expect(cluster.broken).toEqual([])
})

test('of many nodes that create a key at once, one does', async () => {
  const cluster = await started('create')
  const condition = { type: 'none-match', tags: '*' } as const
  const told = await Promise.all(IDS.map((id) => put(cluster, id, id, { condition })))
  expect(told.filter((end) => end.startsWith('"'))).toHaveLength(1)
  expect(told.filter((end) => end === 'precondition_failed')).toHaveLength(2)
})

test('a write that is sent again under its idempotency key after an unknown outcome is made once', async () => {
  const cluster = await started('again')
  const [first, second] = (await ownersOf(cluster)) as [Id, Id]
  await put(cluster, first, 'old')
  // The proposal goes out, and the answers do not come back.
  const cuts = IDS.filter((id) => id !== first).map((id) => cluster.wires.cut(id, first, 'mute'))
  const write = { idempotencyKey: 'once' }
  expect(await put(cluster, first, 'new', write)).toBe('outcome_unknown')
  for (const cut of cuts) cut.undo()
  await cluster.pass(3)
  expect(await get(cluster, second)).toEqual(['new'])
  const condition = { type: 'match', tags: '*' } as const
  expect(await put(cluster, second, undefined, { condition })).toBe('gone')
  // Made long ago, and deleted since: whoever asks again is told of that write, and does not undo the delete.
  await cluster.pass(120)
  expect(await put(cluster, first, 'new', write)).toEqual(isTag)
  expect(await get(cluster, first)).toEqual([])
  expect(cluster.broken).toEqual([])
})

test.each([0, 1, 2])(
  'without its owner number %i a key is read and written as before',
  async (gone) => {
    const cluster = await started(`gone ${gone}`)
    const owners = await ownersOf(cluster)
    await put(cluster, 'n1', 'old')
    cluster.node(owners[gone] as Id).crash('process')
    await cluster.pass(0.1)
    for (const id of owners.filter((_, i) => i !== gone)) {
      expect(await put(cluster, id, id)).toEqual(isTag)
      for (const other of owners.filter((_, i) => i !== gone)) {
        expect(await get(cluster, other)).toEqual([id])
      }
    }
  },
)

test('a first owner that stands still is passed over within the time of a request', async () => {
  const cluster = await started('paused')
  const [first, second, third] = (await ownersOf(cluster)) as [Id, Id, Id]
  await put(cluster, first, 'old')
  cluster.node(first).host.freeze()
  // What was sent to it is not known to be done or not; it is asked for nothing more by the next.
  expect(await get(cluster, second)).toEqual(['old'])
  expect(await put(cluster, second, 'new')).toBe('outcome_unknown')
  expect(await put(cluster, second, 'newer')).toEqual(isTag)
  expect(await get(cluster, third)).toEqual(['newer'])
  cluster.node(first).host.thaw()
  await cluster.pass(3)
  expect(await get(cluster, first)).toEqual(['newer'])
  expect(cluster.broken).toEqual([])
})

test('a first owner whose disk is full or fails leaves the key to the next, from wherever it is asked', async () => {
  const cluster = await started('full')
  const [first] = (await ownersOf(cluster)) as [Id]
  await put(cluster, first, 'old')
  cluster.node(first).platter.isFull = true
  await cluster.pass(5)
  for (const id of IDS) {
    expect(await put(cluster, id, id)).toEqual(isTag)
    expect(await get(cluster, id)).toEqual([id])
  }
  cluster.node(first).platter.isFull = false
  await cluster.pass(5)
  expect(await put(cluster, first, 'room again')).toEqual(isTag)
  expect(cluster.broken).toEqual([])
})

test('with two owners gone nothing is decided, and that is told in time', async () => {
  const cluster = await started('two gone')
  const [first, second, third] = (await ownersOf(cluster)) as [Id, Id, Id]
  await put(cluster, first, 'old')
  // A majority has it: the second may be the one that has not.
  await cluster.pass(1)
  cluster.node(first).crash('process')
  cluster.node(third).crash('process')
  await cluster.pass(0.1)
  const beginUs = cluster.schedule.nowUs
  expect(await put(cluster, second, 'new')).toBe('quorum_unreachable')
  expect(await get(cluster, second)).toBe('quorum_unreachable')
  expect(cluster.schedule.nowUs - beginUs).toBeLessThan(2 * TOLD_WITHIN_SECONDS * 1_000_000)
  expect(await get(cluster, second, 'k', 'eventual')).toEqual(['old'])
  cluster.node(first).start()
  cluster.node(third).start()
  await cluster.until(() => IDS.every((id) => cluster.node(id).isUp))
  await cluster.pass(2)
  // Rejected is rejected.
  expect(await get(cluster, second)).toEqual(['old'])
  expect(await put(cluster, second, 'new')).toEqual(isTag)
})

test('on the small side of a cut nothing is decided, and that is told in time', async () => {
  const cluster = await started('cut')
  const [first, second] = (await ownersOf(cluster)) as [Id, Id]
  await put(cluster, first, 'old')
  const heal = cluster.isolate(first)
  for (let i = 0; i < 4; i++) {
    const beginUs = cluster.schedule.nowUs
    expect(['quorum_unreachable', 'outcome_unknown']).toContain(await put(cluster, first, `${i}`))
    expect(['quorum_unreachable', 'deadline_passed']).toContain(await get(cluster, first))
    expect(cluster.schedule.nowUs - beginUs).toBeLessThan(2 * TOLD_WITHIN_SECONDS * 1_000_000)
  }
  expect(await put(cluster, second, 'new')).toEqual(isTag)
  heal()
  await cluster.pass(5)
  expect(await get(cluster, first)).toEqual(['new'])
})

test('a deleted key is forgotten by all, and written again', async () => {
  const cluster = await started('delete')
  for (let round = 0; round < 3; round++) {
    const condition = { type: 'none-match', tags: '*' } as const
    expect(await put(cluster, 'n1', `${round}`, { condition })).toEqual(isTag)
    expect(await put(cluster, 'n2', undefined)).toBe('gone')
    for (const id of IDS) expect(await get(cluster, id)).toEqual([])
    await cluster.pass(60)
    for (const id of IDS) {
      for (const kind of ['d/', 'i/', 'g/', 'p/']) expect(cluster.keysUnder(id, kind)).toEqual([])
    }
    for (const id of IDS) expect(await get(cluster, id)).toEqual([])
  }
  expect(cluster.broken).toEqual([])
})

test.each([0, 1, 2])(
  'owner number %i loses its directory under writes, and nothing else',
  async (lost) => {
    const cluster = await started(`lost ${lost}`)
    const owners = await ownersOf(cluster)
    const loser = owners[lost] as Id
    const others = owners.filter((id) => id !== loser) as [Id, Id]
    let last = await put(cluster, 'n1', 'begin')
    const writeOn = async (id: Id, value: string): Promise<void> => {
      const told = await put(cluster, id, value, { condition: { type: 'match', tags: [last] } })
      if (told.startsWith('"')) last = told
      else expect(['outcome_unknown', 'quorum_unreachable', 'deadline_passed']).toContain(told)
    }
    for (let i = 0; i < 5; i++) await writeOn(others[i % 2] as Id, `before ${i}`)
    cluster.node(loser).crash('machine')
    cluster.node(loser).platter.wipe()
    for (let i = 0; i < 5; i++) await writeOn(others[0], `without ${i}`)
    cluster.node(loser).start()
    for (let i = 0; i < 20; i++) {
      await writeOn(others[0], `filling ${i}`)
      await cluster.pass(0.05)
    }
    await cluster.until(() => cluster.node(loser).isUp)
    await cluster.pass(5)
    // Now it counts: with one of the others gone, what was decided without it is there.
    cluster.node(others[1]).crash('process')
    await cluster.pass(0.1)
    expect(await get(cluster, loser)).toEqual(await get(cluster, others[0]))
    const condition = { type: 'match', tags: [last] } as const
    expect(await put(cluster, loser, 'after', { condition })).toEqual(isTag)
    expect(await get(cluster, others[0])).toEqual(['after'])
    expect(cluster.broken).toEqual([])
  },
)

test('where nothing is wrong, reads agree at once, and writes by the same owner take one trip', async () => {
  const cluster = await started('quiet')
  await put(cluster, 'n1', 'first')
  await cluster.pass(1)
  cluster.counted.clear()
  for (let i = 0; i < 10; i++) {
    for (const id of IDS) {
      expect(await put(cluster, id, `${id} ${i}`)).toEqual(isTag)
      await cluster.pass(0.1)
      expect(await get(cluster, id)).toEqual([`${id} ${i}`])
    }
  }
  expect(
    Object.fromEntries([...cluster.counted].filter(([name]) => name.startsWith('register_'))),
  ).toEqual({
    'register_rounds_total one trip': 30,
    'register_reads_total agreed': 30,
  })
})

test('requests that wait for one key at one owner share its rounds', async () => {
  const cluster = await started('hot')
  const [first] = (await ownersOf(cluster)) as [Id]
  await put(cluster, first, 'begin')
  cluster.counted.clear()
  const told = await Promise.all(Array.from({ length: 50 }, (_, i) => put(cluster, first, `${i}`)))
  expect(new Set(told).size).toBe(50)
  expect(cluster.counted.get('register_rounds_total one trip')).toBeLessThanOrEqual(3)
  expect(await get(cluster, first)).toEqual(['49'])
})
