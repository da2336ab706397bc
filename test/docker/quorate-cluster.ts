/** `quorate/testcontainers` on the image that the tests before have built. */
import { expect, test } from 'vitest'
import { createClient } from '../../src/client/quorate.ts'
import { QuorateCluster } from '../../src/testcontainers/quorate-cluster.ts'

export function testQuorateCluster(): void {
  test('a partition refuses the smaller side, and heals at the end of its block', async () => {
    await using cluster = await new QuorateCluster('quorate:local').withNodes(3).start()
    await using client = createClient({ endpoints: cluster.endpoints })
    await using lonely = createClient({ endpoints: [cluster.endpoint('n1')], retry: false })
    {
      await using _cut = await cluster.partition(['n1'])
      await client.bucket('default').put('fruit', 'apple')
      const refused = lonely.bucket('default').put('fruit', 'pear')
      await expect(refused).rejects.toMatchObject({ code: 'quorum_unreachable' })
    }
    expect((await client.bucket('default').get('fruit')).value()).toBe('apple')
  })
}
