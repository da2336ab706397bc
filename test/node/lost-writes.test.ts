import { afterEach, beforeEach, expect, it } from 'vitest'
import { IDS, VirtualCluster } from './virtual-cluster.ts'

const KEYS = Array.from({ length: 30 }, (_, i) => `k${i}`)
const DEFAULTS = { consistency: 'quorum', durability: 'sync', ttlSeconds: null } as const
const isLostKey = (key: string): boolean => /\/default\/k[0-9]$/.test(key)

let cluster: VirtualCluster
beforeEach(async () => {
  cluster = new VirtualCluster('lost writes')
  await cluster.start()
  for (const key of KEYS) expect(await cluster.put('n1', key, 'value', 'all')).toBe('ok')
  // The horizon passes them: what is not held from then on is history.
  await cluster.pass(30)
})
afterEach(() => {
  expect(cluster.broken).toEqual([])
})

async function allAreThere(): Promise<void> {
  // The copies of the others have all been taken over by then.
  await cluster.pass(20)
  await cluster.converged()
  for (const id of IDS) {
    expect(cluster.keysUnder(id, 'd/')).toHaveLength(KEYS.length)
    expect(cluster.keysUnder(id, 'i/')).toHaveLength(KEYS.length)
  }
  for (const key of KEYS)
    expect([key, await cluster.get('n2', key, 'all')]).toEqual([key, ['value']])
}

it('what a damaged log lacks comes back from the others, and is not taken for deleted', async () => {
  const { platter } = cluster.node('n2')
  cluster.node('n2').crash('machine')
  platter.lose((key) => /^[dig]\//.test(key) && isLostKey(key))
  cluster.node('n2').start()
  await cluster.until(() => cluster.node('n2').isUp)
  expect(await cluster.get('n2', 'k3', 'eventual')).toEqual(['value'])
  await allAreThere()
})

it('a record that lost its place in the index with a damaged log is listed again', async () => {
  const { platter } = cluster.node('n2')
  cluster.node('n2').crash('machine')
  platter.lose((key) => key.startsWith('i/') && isLostKey(key))
  cluster.node('n2').start()
  await cluster.until(() => cluster.node('n2').isUp)
  await allAreThere()
})

it('a record that vanishes from a disk is repaired, and not taken for deleted', async () => {
  const { platter } = cluster.node('n2')
  cluster.node('n2').crash('machine')
  platter.restore(
    new Map([...platter.copy()].filter(([key]) => !(key.startsWith('d/') && isLostKey(key)))),
  )
  cluster.node('n2').start()
  await cluster.until(() => cluster.node('n2').isUp)
  await allAreThere()
})

it('a list names the partition of a record that has vanished', async () => {
  const bucket = { name: 'single', mode: 'siblings', n: 1, ...DEFAULTS } as const
  await cluster.ask('n1', (service) => service.createBucket(bucket, 2000))
  const at = { bucket: 'single', key: 'k', level: 'quorum', requestId: 'test' } as const
  const content = { value: Buffer.from('value'), contentType: 'text/plain', tombstone: false }
  const written = await cluster.ask('n1', (service) =>
    service.put({ ...at, content: { ...content, expiresAtMs: 0 }, context: undefined }),
  )
  expect(written).toBeTypeOf('object')
  const owner = IDS.find((id) => cluster.keysUnder(id, 'k/single/').length > 0) ?? 'n1'
  const [record = ''] = cluster.keysUnder(owner, 'd/').filter((key) => key.endsWith('/single/k'))
  const { platter } = cluster.node(owner)
  cluster.node(owner).crash('machine')
  platter.restore(new Map([...platter.copy()].filter(([key]) => key !== record)))
  cluster.node(owner).start()
  await cluster.until(() => cluster.node(owner).isUp)
  await cluster.pass(5)
  const list = { bucket: 'single', prefix: '', after: '', limit: 10 }
  // First the page itself meets the gap; then it meets the damaged record that fills the gap.
  for (let round = 0; round < 2; round++) {
    expect(await cluster.ask('n1', (service) => service.list(list))).toMatchObject({
      keys: [],
      missingPartitions: [Number.parseInt(record.slice(2, 4), 16)],
    })
    expect(platter.get(record)).toHaveLength(1)
  }
  expect(await cluster.ask('n1', (service) => service.get(at))).not.toBeTypeOf('object')
})
