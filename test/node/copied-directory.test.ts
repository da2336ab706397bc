/**
 * A node that starts with a copy of its directory, while the process with the original may be alive: it counts only once
 * every other member has given up older processes of this node.
 */
import { expect, it } from 'vitest'
import { IDS, VirtualCluster } from './virtual-cluster.ts'

async function stopped(how: 'cleanly' | 'by a crash'): Promise<VirtualCluster> {
  const cluster = new VirtualCluster('copy')
  await cluster.start()
  expect(await cluster.put('n1', 'k', 'before')).toBe('ok')
  const n1 = cluster.node('n1')
  if (how === 'cleanly') void n1.stop()
  else n1.crash('process')
  cluster.node('n3').crash('process')
  await cluster.until(() => !n1.hasProcess)
  return cluster
}

it.each(['cleanly', 'by a crash'] as const)(
  'counts with a copy only once all members have told it (%s)',
  async (how) => {
    const cluster = await stopped(how)
    const n1 = cluster.node('n1')
    n1.platter.copyFrom(n1.platter.copy())
    n1.start()
    await cluster.until(() => n1.isUp)
    expect(await cluster.put('n1', 'k', 'too early')).not.toBe('ok')
    // It is known across a restart.
    n1.crash('process')
    n1.start()
    await cluster.until(() => n1.isUp)
    expect(await cluster.put('n1', 'k', 'too early')).not.toBe('ok')
    cluster.node('n3').start()
    await cluster.until(() => IDS.every((id) => cluster.node(id).isUp))
    await cluster.pass(3)
    expect(await cluster.put('n1', 'k', 'after')).toBe('ok')
    cluster.node('n3').crash('process')
    expect(await cluster.put('n1', 'k', 'still')).toBe('ok')
    expect(cluster.broken).toEqual([])
  },
)

it('counts with its own directory at once', async () => {
  const cluster = await stopped('by a crash')
  const n1 = cluster.node('n1')
  n1.start()
  await cluster.until(() => n1.isUp)
  expect(await cluster.put('n1', 'k', 'after')).toBe('ok')
})
