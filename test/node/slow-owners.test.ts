import { afterEach, beforeEach, expect, it } from 'vitest'
import { IDS, type Id, VirtualCluster } from './virtual-cluster.ts'

const BUCKET = { name: 'single', mode: 'siblings', n: 1, consistency: 'eventual' } as const
/** Longer than a sloppy read waits before it turns to the fallbacks, shorter than its timeout. */
const SLOW_US = 1_300_000
/** For how long one that is suspected stays silent: much less than a request waits. */
const UNTIL_HEARD_US = 300_000

let cluster: VirtualCluster
beforeEach(async () => {
  cluster = new VirtualCluster('slow owners')
  await cluster.start()
  const made = await cluster.ask('n1', (service) =>
    service.createBucket({ ...BUCKET, durability: 'sync', ttlSeconds: null }, 2000),
  )
  expect(made).toMatchObject({ created: true })
})
afterEach(() => {
  expect(cluster.broken).toEqual([])
})

const AT = { bucket: BUCKET.name, key: 'key', level: 'eventual', requestId: 'test' } as const

async function put(): Promise<string> {
  const value = new TextEncoder().encode('value')
  const content = { value, contentType: 'text/plain', tombstone: false, expiresAtMs: 0 }
  const answer = await cluster.ask('n1', (service) =>
    service.put({ ...AT, content, context: undefined }),
  )
  return typeof answer === 'string' ? answer : 'ok'
}

async function get(id: Id): Promise<string[] | string> {
  const answer = await cluster.ask(id, (service) => service.get(AT))
  if (typeof answer === 'string') return answer
  return answer.siblings.map(({ value }) => new TextDecoder().decode(value))
}

function ownerOf(key: string): Id {
  const owner = IDS.find((id) => cluster.keysUnder(id, 'd/').some((at) => at.endsWith(key)))
  if (owner === undefined) throw new Error(`nobody holds ${key}`)
  return owner
}

/** What one node says of the other. */
async function stateSeen(at: Id, of: Id): Promise<string | undefined> {
  const status = await cluster.ask(at, (service) => service.status())
  return typeof status === 'string' ? status : status.reachability[at]?.[of]
}

it('a slow owner is waited for where the fallbacks keep nothing', async () => {
  expect(await put()).toBe('ok')
  const owner = ownerOf('key')
  const reader = IDS.find((id) => id !== owner) as Id
  const cuts = [cluster.wires.cut(owner, reader, 'hold'), cluster.wires.cut(reader, owner, 'hold')]
  const reading = get(reader)
  cluster.schedule.after(SLOW_US, () => {
    for (const cut of cuts) cut.undo()
  })
  expect(await reading).toEqual(['value'])
})

it('an owner that is only suspected is asked, for the fallbacks know nothing of a key that they do not keep', async () => {
  expect(await put()).toBe('ok')
  const owner = ownerOf('key')
  const reader = IDS.find((id) => id !== owner) as Id
  const cuts = [cluster.wires.cut(owner, reader, 'hold'), cluster.wires.cut(reader, owner, 'hold')]
  while ((await stateSeen(reader, owner)) === 'up') await cluster.pass(0.1)
  expect(await stateSeen(reader, owner)).toBe('suspect')
  const reading = get(reader)
  cluster.schedule.after(UNTIL_HEARD_US, () => {
    for (const cut of cuts) cut.undo()
  })
  expect(await reading).toEqual(['value'])
})

it('a read is answered by the fallbacks where no owner answers in time', async () => {
  expect(await put()).toBe('ok')
  const owner = ownerOf('key')
  const reader = IDS.find((id) => id !== owner) as Id
  cluster.isolate(owner)
  expect(await get(reader)).toEqual([])
})
