/**
 * What a node asks of its cluster in the background: the cluster's id, and the buckets of its settings. Where this node
 * cannot take the document that the members have decided, it says so and goes on: an error that nobody awaits would end
 * the process.
 */
import { expect, it } from 'vitest'
import { createConfiguredBuckets } from '../../src/server/configured-buckets.ts'
import { foundCluster } from '../../src/server/founding.ts'
import type { NodeService } from '../../src/node/service/service.ts'
import type { Log } from '../../src/ports/log.ts'
import { VirtualCluster } from './virtual-cluster.ts'

function createBucket(service: NodeService, log: Log) {
  const rest = { n: undefined, durability: undefined, ttlSeconds: undefined }
  const bucket = { name: 'b', mode: 'siblings', consistency: 'quorum', ...rest } as const
  return createConfiguredBuckets(service, [bucket], log)
}

it.each([
  ['the id of the cluster', foundCluster, 'the cluster has not agreed on its id yet'],
  ['a bucket of the settings', createBucket, 'bucket not created yet'],
] as const)('a node that cannot take the document goes on: %s', async (_what, ask, warning) => {
  const cluster = new VirtualCluster('founding')
  await cluster.start()
  const warned: string[] = []
  const silent = (): undefined => undefined
  const warn = (_fields: object, message: string): void => void warned.push(message)
  const log: Log = { debug: silent, info: silent, warn, error: silent }
  const refuse = () => Promise.reject(new Error('a document of another cluster'))
  const asking = await cluster.ask('n1', (service) =>
    Promise.resolve(ask({ ...service, found: refuse, createBucket: refuse }, log)),
  )
  if (typeof asking === 'string') throw new Error(asking)
  await cluster.until(() => warned.length > 0)
  asking.cancel()
  expect(warned).toEqual([warning])
})
