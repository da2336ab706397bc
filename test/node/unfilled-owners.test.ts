/** What is acknowledged was held by n1, which loses it, and by n2, which is out of reach before n1 is filled again. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Id, IDS, VirtualCluster } from './virtual-cluster.ts'

/** n2's clock is ahead by so much: less than what the others put up with. */
const AHEAD_MS = 400

let cluster: VirtualCluster
let healSecond: () => void
beforeEach(async () => {
  cluster = new VirtualCluster('unfilled owners')
  await cluster.start()
})
afterEach(() => {
  expect(cluster.broken).toEqual([])
})

async function put(
  at: Id,
  bucket: string,
  value: string,
  overrides: { readonly w?: number } = {},
): Promise<string> {
  const content = {
    value: new TextEncoder().encode(value),
    contentType: 'text/plain',
    tombstone: false,
    expiresAtMs: 0,
  }
  const answer = await cluster.ask(at, (service) =>
    service.put({
      bucket,
      key: 'key',
      level: 'quorum',
      requestId: 'test',
      content,
      context: undefined,
      ...overrides,
    }),
  )
  return typeof answer === 'string' ? answer : 'ok'
}

async function get(at: Id, bucket: string): Promise<string[] | string> {
  const answer = await cluster.ask(at, (service) =>
    service.get({ bucket, key: 'key', level: 'quorum', requestId: 'test' }),
  )
  if (typeof answer === 'string') return answer
  return answer.siblings.map(({ value }) => new TextDecoder().decode(value))
}

async function loseFirst(bucket: string): Promise<void> {
  const healThird = cluster.isolate('n3')
  expect(await put('n2', bucket, 'old')).toBe('ok')
  expect(cluster.keysUnder('n1', 'd/')).toHaveLength(1)
  healSecond = cluster.isolate('n2')
  cluster.node('n1').crash('machine')
  cluster.node('n1').platter.wipe()
  healThird()
  cluster.node('n1').start()
  await cluster.until(() => cluster.node('n1').isUp)
}

describe.each([
  ['a blind write', 'default'],
  ['a write of the last value', 'latest'],
])('%s, that does not know what it replaces', (_, bucket) => {
  beforeEach(async () => {
    cluster.node('n2').host.jump(AHEAD_MS)
    await loseFirst(bucket)
  })

  it.each(['n1', 'n3'] as const)('is not acknowledged at %s', async (at) => {
    expect(await put(at, bucket, 'new')).toMatch(/^(?:quorum_unreachable|outcome_unknown)$/)
    // Once it is known that it would be stored in vain, it is not stored.
    await cluster.pass(2)
    expect(await put(at, bucket, 'new')).toMatch(/^(?:quorum_unreachable|outcome_unknown)$/)
    expect(await put(at, bucket, 'new')).toBe('quorum_unreachable')
    healSecond()
    await cluster.converged()
    expect(await put(at, bucket, 'newest')).toBe('ok')
    expect(await get('n2', bucket)).toEqual(['newest'])
  })
})

it('a write that could not know what it replaces is refused before anything is applied', async () => {
  await loseFirst('default')
  await cluster.pass(5)
  expect(await put('n1', 'default', 'new')).toBe('quorum_unreachable')
  healSecond()
  await cluster.converged()
  expect(await get('n1', 'default')).toEqual(['old'])
})

it('a write right after a start is acknowledged', async () => {
  for (let i = 0; i < 30; i++) {
    cluster = new VirtualCluster(`start ${i}`)
    for (const id of IDS) cluster.node(id).start()
    await cluster.until(() => cluster.node('n1').isUp)
    expect(await put('n1', 'default', 'value')).toBe('ok')
  }
})

it('a node that has just started can read', async () => {
  for (let i = 0; i < 30; i++) {
    cluster = new VirtualCluster(`one after another ${i}`)
    cluster.node('n1').start()
    cluster.node('n2').start()
    await cluster.until(() => cluster.node('n2').isUp)
    // The others ask it at some moment after it has started what it knows of them.
    await cluster.pass(0.3 + i * 0.037)
    cluster.node('n3').start()
    await cluster.until(() => cluster.node('n3').isUp)
    expect(await get('n3', 'default')).toEqual([])
  }
})

it('a write is not called unknown because an owner has just started again', async () => {
  cluster.node('n3').crash('process')
  await cluster.pass(1)
  cluster.node('n2').crash('process')
  cluster.node('n2').start()
  const outcomes = new Set<string>()
  for (let i = 0; i < 40; i++) {
    outcomes.add(await put('n1', 'default', `value ${i}`))
    await cluster.pass(0.05)
  }
  // Rejected before the link is open again.
  outcomes.delete('quorum_unreachable')
  expect([...outcomes]).toEqual(['ok'])
})

it('a client that asks for one copy gets what one copy promises', async () => {
  // Its directory is known to be the newest by then, so that it starts alone.
  await cluster.pass(5)
  for (const id of IDS) cluster.node(id).crash('process')
  cluster.node('n1').start()
  await cluster.until(() => cluster.node('n1').isUp)
  expect(await put('n1', 'default', 'value')).toBe('quorum_unreachable')
  expect(await put('n1', 'default', 'value', { w: 1 })).toBe('ok')
})
