/** A deleted bucket is gone for ever, and its label may return with another mode. */
import { expect, test, vi } from 'vitest'
import type { Bucket } from '../../../src/core/placement/topology.ts'
import type { PlainLevel } from '../../../src/core/quorum/level.ts'
import { listKey } from '../../../src/node/storage/storage-keys.ts'
import { encodeTopology } from '../../../src/node/topology/topology-document.ts'
import { IDS, type Id, VirtualCluster } from '../virtual-cluster.ts'

type AnyLevel = PlainLevel | 'strong'

const utf8 = new TextEncoder()

function bucketOf(mode: Bucket['mode'], n = 3): Bucket {
  const consistency = mode === 'strong' ? 'strong' : 'quorum'
  return { name: 'carts', mode, n, consistency, durability: 'sync', ttlSeconds: null }
}

class Carts {
  readonly cluster: VirtualCluster

  constructor(seed: string) {
    this.cluster = new VirtualCluster(seed)
  }

  async start(bucket: Bucket): Promise<void> {
    await this.cluster.start()
    await this.cluster.pass(2)
    await this.create(bucket)
    await this.cluster.pass(1)
  }

  async create(bucket: Bucket, id: Id = 'n1'): Promise<void> {
    const answer = await this.cluster.ask(id, (service) => service.createBucket(bucket, 2000))
    expect(answer).toMatchObject({ created: true, bucket })
  }

  async delete(id: Id, isForced: boolean, timeoutMs = 10_000): Promise<string> {
    const answer = await this.cluster.ask(id, (service) =>
      service.deleteBucket('carts', isForced, timeoutMs),
    )
    return typeof answer === 'string' ? answer : `deleted ${answer.name}`
  }

  async put(id: Id, key: string, value: string | undefined, level: AnyLevel): Promise<string> {
    const content = {
      value: utf8.encode(value ?? ''),
      contentType: '',
      tombstone: value === undefined,
      expiresAtMs: 0,
    }
    const answer = await this.cluster.ask(id, (service) =>
      service.put({ bucket: 'carts', key, level, requestId: 'test', content, context: undefined }),
    )
    return typeof answer === 'string' ? answer : 'ok'
  }

  async get(id: Id, key: string, level: AnyLevel = 'quorum'): Promise<string[] | string> {
    const answer = await this.cluster.ask(id, (service) =>
      service.get({ bucket: 'carts', key, level, requestId: 'test' }),
    )
    if (typeof answer === 'string') return answer
    return answer.siblings.map(({ value }) => new TextDecoder().decode(value))
  }

  async keys(id: Id): Promise<string[] | string> {
    const request = { bucket: 'carts', prefix: '', after: '', limit: 100, requestId: 'test' }
    const answer = await this.cluster.ask(id, (service) => service.list(request))
    return typeof answer === 'string' ? answer : answer.keys.map(({ key }) => key)
  }

  /** Everything on the disks that belongs to the first bucket of the label. */
  remains(): string[] {
    return IDS.flatMap((id) =>
      this.cluster.keysUnder(id, '').filter((key) => key.split('/').includes('carts')),
    )
  }

  async expectGone(): Promise<void> {
    await this.cluster.until(() => this.remains().length === 0)
    await this.cluster.converged()
    expect(this.cluster.broken).toEqual([])
  }
}

test('a bucket is deleted with its values, and returns empty with another mode', async () => {
  const carts = new Carts('delete')
  await carts.start(bucketOf('siblings'))
  expect(await carts.put('n1', 'a', 'old', 'quorum')).toBe('ok')
  expect(carts.remains().length).toBeGreaterThan(0)
  expect(await carts.delete('n2', true)).toBe('deleted carts')
  expect(await carts.get('n1', 'a')).toBe('bucket_unknown')
  expect(await carts.put('n3', 'a', 'late', 'quorum')).toBe('bucket_unknown')
  expect(await carts.keys('n1')).toBe('bucket_unknown')
  expect(await carts.delete('n1', true)).toBe('bucket_unknown')
  await carts.create(bucketOf('lww'), 'n3')
  expect(await carts.get('n3', 'a')).toEqual([])
  expect(await carts.keys('n2')).toEqual([])
  expect(await carts.put('n2', 'b', 'new', 'quorum')).toBe('ok')
  expect(await carts.keys('n1')).toEqual(['b'])
  await carts.expectGone()
  expect(await carts.get('n1', 'a', 'all')).toEqual([])
  expect(await carts.get('n1', 'b', 'all')).toEqual(['new'])
})

test('what a node that was cut off stored in a deleted bucket never returns', async () => {
  const carts = new Carts('cut off')
  await carts.start(bucketOf('siblings'))
  expect(await carts.put('n1', 'a', 'old', 'all')).toBe('ok')
  const heal = carts.cluster.isolate('n3')
  await carts.cluster.pass(8)
  expect(await carts.delete('n1', true)).toBe('deleted carts')
  // It does not know of the deletion, and promises one durable copy. That copy is deleted like all others.
  expect(await carts.put('n3', 'a', 'cut', 'eventual')).toBe('ok')
  expect(await carts.put('n3', 'b', 'cut', 'eventual')).toBe('ok')
  await carts.create(bucketOf('lww'))
  expect(await carts.put('n2', 'a', 'new', 'quorum')).toBe('ok')
  heal()
  await carts.expectGone()
  for (const id of IDS) {
    expect(await carts.get(id, 'a', 'all')).toEqual(['new'])
    expect(await carts.get(id, 'b', 'all')).toEqual([])
    expect(await carts.keys(id)).toEqual(['a'])
  }
})

test('an old directory brings no deleted bucket back', async () => {
  const carts = new Carts('old directory')
  await carts.start(bucketOf('strong'))
  expect(await carts.put('n1', 'a', 'old', 'strong')).toBe('ok')
  const node = carts.cluster.node('n3')
  node.crash('process')
  const directory = new Map(node.platter.copy())
  await carts.cluster.pass(3)
  expect(await carts.delete('n1', true)).toBe('deleted carts')
  await carts.create(bucketOf('siblings'))
  expect(await carts.put('n1', 'b', 'new', 'quorum')).toBe('ok')
  node.platter.restore(directory)
  node.start()
  await carts.cluster.until(() => node.isUp)
  await carts.expectGone()
  expect(await carts.get('n3', 'a', 'all')).toEqual([])
  expect(await carts.keys('n3')).toEqual(['b'])
})

test('hints for a deleted bucket are dropped, and do not hold back the others', async () => {
  const carts = new Carts('hints')
  await carts.start(bucketOf('siblings'))
  const heal = carts.cluster.isolate('n3')
  await carts.cluster.pass(8)
  expect(await carts.put('n1', 'a', 'hinted', 'eventual')).toBe('ok')
  await carts.cluster.until(() => carts.cluster.keysUnder('n1', 'h/n3/carts/').length > 0)
  expect(await carts.delete('n1', true)).toBe('deleted carts')
  await carts.cluster.until(() => carts.cluster.keysUnder('n1', 'h/').length === 0)
  heal()
  await carts.expectGone()
})

test('a bucket with a value is not deleted, and goes on', async () => {
  const carts = new Carts('not empty')
  await carts.start(bucketOf('siblings'))
  expect(await carts.put('n1', 'a', 'kept', 'quorum')).toBe('ok')
  expect(await carts.delete('n2', false)).toBe('bucket_not_empty')
  const heal = carts.cluster.isolate('n3')
  expect(await carts.delete('n2', false)).toBe('bucket_not_empty')
  heal()
  await carts.cluster.converged()
  expect(await carts.put('n3', 'a', undefined, 'quorum')).toBe('ok')
  await carts.cluster.converged()
  expect(await carts.delete('n2', false)).toBe('deleted carts')
  await carts.expectGone()
})

test('a bucket is not deleted as empty while a member does not tell, and goes on', async () => {
  const carts = new Carts('silent member')
  await carts.start(bucketOf('siblings'))
  const heal = carts.cluster.isolate('n3')
  expect(await carts.put('n3', 'a', 'alone', 'eventual')).toBe('ok')
  await carts.cluster.pass(8)
  expect(await carts.delete('n1', false)).toBe('quorum_unreachable')
  expect(await carts.put('n1', 'b', 'on', 'quorum')).toBe('ok')
  heal()
  await carts.cluster.converged()
  expect(await carts.get('n1', 'a')).toEqual(['alone'])
  expect(await carts.delete('n1', false)).toBe('bucket_not_empty')
})

test('a closed bucket takes no writes, and is opened again if its deletion is given up', async () => {
  const carts = new Carts('given up')
  await carts.start(bucketOf('siblings'))
  const { cluster } = carts
  cluster.node('n1').call(
    (service) => service.deleteBucket('carts', false, 10_000),
    () => undefined,
  )
  const isClosed = (): boolean =>
    cluster.node('n2').service?.topology().deletion?.bucket === 'carts'
  await cluster.until(isClosed)
  cluster.node('n1').crash('process')
  expect(isClosed()).toBe(true)
  expect(await carts.put('n2', 'a', 'refused', 'quorum')).toBe('not_ready')
  expect(await carts.get('n2', 'a')).toEqual([])
  expect(await carts.delete('n3', false)).toMatch(/change_under_way|quorum_unreachable/)
  await cluster.until(() => !isClosed())
  expect(await carts.put('n2', 'a', 'open', 'quorum')).toBe('ok')
  cluster.node('n1').start()
  await cluster.until(() => cluster.node('n1').isUp)
  expect(await carts.get('n1', 'a')).toEqual(['open'])
  expect(cluster.broken).toEqual([])
})

test('a strong write that waits for its bucket ends with the bucket', async () => {
  const carts = new Carts('strong')
  await carts.start(bucketOf('strong'))
  expect(await carts.put('n1', 'a', 'old', 'strong')).toBe('ok')
  const ended: string[] = []
  for (const id of IDS) {
    void carts.put(id, 'a', `by ${id}`, 'strong').then((end) => ended.push(end))
  }
  expect(await carts.delete('n1', true)).toBe('deleted carts')
  await carts.cluster.until(() => ended.length === IDS.length)
  for (const end of ended) expect(['ok', 'bucket_unknown', 'outcome_unknown']).toContain(end)
  await carts.create(bucketOf('strong'))
  expect(await carts.get('n2', 'a', 'strong')).toEqual([])
  expect(await carts.put('n2', 'a', 'new', 'strong')).toBe('ok')
  await carts.expectGone()
  expect(await carts.get('n3', 'a', 'strong')).toEqual(['new'])
})

test('records that damage hides from the key index are dropped once it is rebuilt', async () => {
  const carts = new Carts('hidden records')
  await carts.start(bucketOf('siblings'))
  const { cluster } = carts
  for (const key of ['a', 'b']) expect(await carts.put('n1', key, 'old', 'all')).toBe('ok')
  const entries = ['a', 'b'].map((key) => listKey(`carts/${key}`))
  for (const entry of entries) cluster.node('n1').platter.rot((key) => key === entry)
  expect(await carts.delete('n2', true)).toBe('deleted carts')
  await carts.expectGone()
})

test('a node whose disk stalls does not hold up a deletion beyond its time', async () => {
  const carts = new Carts('stalled')
  await carts.start(bucketOf('siblings'))
  const { platter } = carts.cluster.node('n1')
  const startUs = carts.cluster.schedule.nowUs
  platter.stall()
  expect(await carts.delete('n1', false, 6000)).toBe('quorum_unreachable')
  expect(carts.cluster.schedule.nowUs - startUs).toBeLessThan(6_000_000)
  platter.answerAgain()
  await carts.cluster.pass(5)
  expect(await carts.delete('n1', false)).toBe('deleted carts')
})

test('a node stops looking into a bucket once nobody waits for its answer', async () => {
  const carts = new Carts('long look')
  await carts.start(bucketOf('siblings'))
  // With deletes alone, the node reads page after page.
  for (let i = 0; i < 260; i++) {
    expect(await carts.put('n1', `k${i}`, undefined, 'quorum')).toBe('ok')
  }
  const { platter } = carts.cluster.node('n1')
  const read = vi.spyOn(platter, 'range')
  // A read takes at least 100 ms, as long as the node is asked for.
  platter.slowness = 5000
  expect(await carts.delete('n2', false, 300)).toBe('quorum_unreachable')
  await carts.cluster.pass(12)
  const pages = read.mock.calls.filter(([from]) => from.startsWith('k/carts/'))
  expect(pages.length).toBeLessThan(2)
})

test('a session that has seen a deleted bucket goes on', async () => {
  const carts = new Carts('session')
  await carts.start(bucketOf('siblings'))
  const { cluster } = carts
  const common = { level: 'causal', requestId: 'test' } as const
  const content = { value: utf8.encode('x'), contentType: '', tombstone: false, expiresAtMs: 0 }
  const heal = cluster.isolate('n3')
  const wrote = await cluster.ask('n1', (service) =>
    service.put({ ...common, bucket: 'carts', key: 'a', content, context: undefined }),
  )
  if (typeof wrote === 'string') throw new Error(wrote)
  expect(await carts.delete('n1', true)).toBe('deleted carts')
  const { session } = wrote
  const went = await cluster.ask('n2', (service) =>
    service.put({ ...common, bucket: 'default', key: 'b', content, context: undefined, session }),
  )
  expect(went).toMatchObject({ durable: true })
  heal()
  await carts.expectGone()
})

test('a document without the fields of deletions is that of earlier versions', async () => {
  const cluster = new VirtualCluster('document')
  await cluster.start()
  const topology = cluster.node('n1').service?.topology()
  expect(encodeTopology(topology as NonNullable<typeof topology>)).not.toMatch(/eletion/)
})
