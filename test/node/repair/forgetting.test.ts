/** The verdict while deletes and expired values cannot be forgotten, because a member is away. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { stallWords } from '../../../src/node/repair/forgetting-stall.ts'
import { type Id, VirtualCluster } from '../virtual-cluster.ts'

const TOLD = 'No deletes or expired values have been forgotten for'

let cluster: VirtualCluster
beforeEach(async () => {
  cluster = new VirtualCluster('forgetting')
  await cluster.start()
})
afterEach(() => expect(cluster.broken).toEqual([]))

async function verdict(id: Id): Promise<string> {
  const status = await cluster.ask(id, (service) => service.status())
  return typeof status === 'string' ? status : status.verdict
}

test('says since when, and because of whom; and no more once that member is back', async () => {
  await cluster.pass(120)
  expect(await verdict('n1')).not.toContain(TOLD)
  cluster.node('n3').crash('process')
  // Each keeps a hint for the member that is away: only that member is named.
  expect(await cluster.put('n1', 'k', 'v')).toBe('ok')
  await cluster.pass(30)
  expect(await verdict('n1')).not.toContain(TOLD)
  await cluster.pass(90)
  for (const id of ['n1', 'n2'] as const) {
    const told = await verdict(id)
    expect(told).toContain(', because n3 is out of reach: start it, or remove it from the cluster.')
    // Two minutes and the seconds by which the horizon was behind before.
    expect(told).toContain(`${TOLD} 2 min, `)
  }
  cluster.node('n3').start()
  await cluster.until(() => cluster.node('n3').isUp)
  await cluster.pass(60)
  for (const id of ['n1', 'n3'] as const) expect(await verdict(id)).not.toContain(TOLD)
})

test('names those in reach that have not settled where nobody is away', async () => {
  await cluster.pass(60)
  const cuts = [cluster.wires.cut('n2', 'n3', 'mute'), cluster.wires.cut('n3', 'n2', 'mute')]
  await cluster.pass(120)
  expect(await verdict('n1')).toContain('because n2, n3 have not compared all copies since then.')
  expect(await verdict('n2')).toContain('because n3 is out of reach')
  for (const cut of cuts) cut.undo()
})

test('names several', () => {
  const stall = { forMs: 600_000, waitsFor: ['n1', 'n4', 'n5'] }
  expect(stallWords(stall, (id) => id === 'n1')).toBe(
    ` ${TOLD} 10 min, because n4, n5 are out of reach: start them, or remove them from the cluster.`,
  )
  expect(stallWords(undefined, () => true)).toBe('')
})
