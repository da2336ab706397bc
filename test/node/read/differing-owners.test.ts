/** A quorum read whose owners differ, where they take no repair because their disks are full. */
import { expect, it } from 'vitest'
import { type Id, IDS, VirtualCluster } from '../virtual-cluster.ts'

/** One owner has a newer value than the other two, which are full. */
async function differing(keyOwner: Id, before: string | undefined): Promise<VirtualCluster> {
  const cluster = new VirtualCluster('differing')
  await cluster.start()
  if (before !== undefined) expect(await cluster.put('n1', 'k', before, 'all')).toBe('ok')
  for (const id of IDS) cluster.node(id).platter.isFull = id !== keyOwner
  expect(await cluster.put(keyOwner, 'k', 'half written', 'eventual')).toBe('ok')
  return cluster
}

it.each(IDS)('answers with what a majority holds alike where only %s has more', async (id) => {
  const cluster = await differing(id, 'before')
  for (const coordinator of IDS) expect(await cluster.get(coordinator, 'k')).toEqual(['before'])
  const answer = await cluster.ask('n1', (service) =>
    service.get({ bucket: 'default', key: 'k', level: 'quorum', requestId: 'r' }),
  )
  expect(answer).toMatchObject({ quorum: { need: 2, got: 2 } })
  for (const other of IDS) cluster.node(other).platter.isFull = false
  await cluster.converged()
  for (const coordinator of IDS)
    expect(await cluster.get(coordinator, 'k')).toEqual(['half written'])
  expect(cluster.broken).toEqual([])
})

it('says that a key is absent where only one owner has a value of it', async () => {
  const cluster = await differing('n2', undefined)
  for (const coordinator of IDS) expect(await cluster.get(coordinator, 'k')).toEqual([])
})

it('fails where no majority holds the same', async () => {
  const cluster = await differing('n1', 'before')
  for (const id of IDS) cluster.node(id).platter.isFull = id !== 'n2'
  const release = cluster.isolate('n2')
  expect(await cluster.put('n2', 'k', 'half written, too', 'eventual')).toBe('ok')
  release()
  cluster.node('n2').platter.isFull = true
  await cluster.until(() => true)
  expect(await cluster.get('n3', 'k')).toBe('deadline_passed')
})
