/** Which nodes let another one join. */
import { expect, test } from 'vitest'
import type { NodeService } from '../../src/node/service/service.ts'
import { admitMember } from '../../src/server/admit-member.ts'
import { type Id, VirtualCluster } from '../node/virtual-cluster.ts'

test('a removed node gives nobody its document, not even a member that asks again', async () => {
  const ids: readonly Id[] = ['n1', 'n2', 'n3', 'n4']
  const cluster = new VirtualCluster('joining a removed node', ids)
  await cluster.start()
  const asked = { id: 'n2', peerUrl: 'http://n2:7080', zone: 'n2' }
  const admit = (service: NodeService): ReturnType<typeof admitMember> =>
    admitMember(service, asked)
  // It is a member, at another address.
  expect(await cluster.ask('n4', admit)).toMatchObject({ status: 403 })
  await cluster.ask('n1', (service) => service.applyChange({ kind: 'leave', node: 'n4' }, 5000))
  await cluster.until(() => cluster.node('n4').service?.topology().members.length === 3)
  expect(await cluster.ask('n4', admit)).toEqual({
    status: 503,
    text: 'n4 is no longer a member: ask another node',
  })
  expect(await cluster.ask('n1', admit)).toMatchObject({ status: 403 })
})
