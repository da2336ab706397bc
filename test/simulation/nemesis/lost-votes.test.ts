import { expect, test } from 'vitest'
import { LostVotes } from '../../../src/simulation/nemesis/lost-votes.ts'
import { SimulatedNode } from '../../../src/simulation/world/simulated-node.ts'
import { SETTINGS } from '../../../src/simulation/world/simulated-settings.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'
import { Wires } from '../../../src/simulation/world/wires.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { metaKey } from '../../../src/node/storage/storage-keys.ts'

const ACCEPTOR = metaKey('acceptor')

test('a voter with a damaged memory may lose its directory', async () => {
  const schedule = new Schedule()
  const wires = new Wires(schedule, new SeededRandom('wires'))
  const members = [{ id: 'n1', peerUrl: 'sim://n1', zone: 'n1' }]
  const node = new SimulatedNode(
    0,
    schedule,
    wires,
    { ...SETTINGS, members, nodeId: 'n1' },
    new SeededRandom('n1'),
    { onBroken: () => undefined, onMessages: () => undefined, onLog: () => undefined },
  )
  // The node knows that it lacks memory, and stores that with its state as a voter.
  node.platter.isLossy = true
  node.start()
  await runSchedule(schedule, 5_000_000)
  expect(node.platter.raw(ACCEPTOR)).toBeDefined()
  node.platter.rot((key) => key === ACCEPTOR)
  const votes = new LostVotes(new Map([['n1', node]]))
  expect(() => votes.lose('n1')).not.toThrow()
})
