/** What a node calls ready when it has lost the others. */
import { expect, it } from 'vitest'
import { withCluster } from '../virtual-cluster.ts'

it('a node without a quorum is not ready for the cluster, but ready by itself', async () => {
  await withCluster('readiness', async (cluster) => {
    const isReady = async (scope: 'node' | 'cluster'): Promise<unknown> => {
      const readiness = await cluster.ask('n1', (service) => service.readiness(scope))
      return typeof readiness === 'string' ? readiness : readiness.ready
    }
    expect([await isReady('cluster'), await isReady('node')]).toEqual([true, true])
    const heal = cluster.isolate('n1')
    expect([await isReady('cluster'), await isReady('node')]).toEqual([false, true])
    heal()
    expect(await isReady('cluster')).toBe(true)
  })
})
