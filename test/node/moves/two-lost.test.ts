/** Two machines that are lost for good at the same time: each is removed, and neither removal waits for the other. */
import { expect, it } from 'vitest'
import { type Id, VirtualCluster } from '../virtual-cluster.ts'

const FIVE: readonly Id[] = ['n1', 'n2', 'n3', 'n4', 'n5']
const KEYS = Array.from({ length: 24 }, (_, i) => `key-${i}`)

it('two lost members are removed one after the other, and every key has its value', async () => {
  const cluster = new VirtualCluster('two-lost', FIVE)
  await cluster.start()
  for (const key of KEYS) expect(await cluster.put('n1', key, `value of ${key}`, 'all')).toBe('ok')
  for (const node of ['n4', 'n5'] as const) {
    cluster.node(node).lose()
    const answer = await cluster.ask('n1', (service) =>
      service.applyChange({ kind: 'remove', node }, 5000),
    )
    expect(answer).toMatchObject({ change: { kind: 'remove', leaving: 'n4', isLost: true } })
  }
  const status = await cluster.ask('n2', (service) => service.moves())
  expect(status).toMatchObject({ change: { leaving: 'n4' }, lost: ['n5'] })
  await cluster.until(() => {
    const topology = cluster.node('n1').service?.topology()
    return topology?.change === undefined && topology?.members.length === 3
  })
  for (const key of KEYS)
    expect(await cluster.get('n2', key, 'quorum')).toEqual([`value of ${key}`])
})
