/** Documents of the topology while the machine of a voter is silent, and nobody has noticed. */
import { expect, test } from 'vitest'
import { VotingCluster } from './voting-cluster.ts'

const FIRST = ['default', 'latest', 'strong']

test('those who propose at once do not wait for a silent voter whose links still look open', async () => {
  const cluster = new VotingCluster('silent', 5)
  await cluster.startAll()
  const standing = cluster.ids.slice(0, 4)
  const undo = [cluster.mute('n5', standing), ...standing.map((id) => cluster.mute(id, ['n5']))]
  const names = standing.map((id) => `of-${id}`)
  // An attempt that waited for the silent voter would be late for its own deadline.
  const begun = standing.map((id) => cluster.begin(id, `of-${id}`))
  for (const one of begun) expect(await cluster.end(one)).toBe('ok')
  for (const one of undo) one()
  expect((await cluster.agreed()).sort()).toEqual([...FIRST, ...names].sort())
})
