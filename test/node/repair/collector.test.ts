import { describe, expect, it } from 'vitest'
import type { WriteAnswer } from '../../../src/node/service/service.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'
import { type CallEnd, SimulatedNode } from '../../../src/simulation/world/simulated-node.ts'
import { Wires } from '../../../src/simulation/world/wires.ts'
import { contentOf } from '../../properties/replica-runs.ts'

const LIMIT_US = 60_000_000

/** A cluster of one in virtual time. */
function world() {
  const schedule = new Schedule()
  const random = new SeededRandom('alone')
  const broken: unknown[] = []
  const node = new SimulatedNode(
    0,
    schedule,
    new Wires(schedule, random.child('wires')),
    {
      nodeId: 'n1',
      members: [{ id: 'n1', peerUrl: 'sim://n1', zone: '' }],
      durability: 'sync',
      requestTimeoutMs: 3000,
      maxClockDriftMs: 60_000,
      cacheBytesMax: 1_000_000,
      hintBytesPerOwnerMax: 1_000_000,
      inflightRequestsMax: 100,
    },
    random.child('n1'),
    {
      onBroken: (_, error) => broken.push(error),
      onMessages: () => undefined,
      onLog: () => undefined,
    },
  )
  const until = (isDone: () => boolean) => runSchedule(schedule, schedule.nowUs + LIMIT_US, isDone)
  const write = async (key: string, tombstone: boolean): Promise<void> => {
    let end: CallEnd<WriteAnswer> | undefined
    const content = tombstone
      ? { ...contentOf(''), contentType: '', tombstone }
      : contentOf('value')
    node.call(
      (service) =>
        service.put({ bucket: 'default', key, content, context: undefined, requestId: key }),
      (ended) => {
        end = ended
      },
    )
    await until(() => end !== undefined)
    expect(end?.type).toBe('answered')
  }
  const keysUnder = (prefix: string) => node.platter.keys().filter((key) => key.startsWith(prefix))
  return { node, broken, until, write, keysUnder }
}

describe('collector of a cluster of one', () => {
  it('forgets a delete once it is settled, and no value', async () => {
    const { node, broken, until, write, keysUnder } = world()
    node.start()
    await until(() => node.isUp)
    await write('kept', false)
    await write('gone', false)
    await write('gone', true)
    expect(keysUnder('g/')).toHaveLength(1)
    await until(() => keysUnder('g/').length === 0)
    for (const prefix of ['d/', 'i/']) {
      expect(keysUnder(prefix).map((key) => key.split('/').at(-1))).toEqual(['kept'])
    }
    expect(keysUnder('g/')).toEqual([])
    expect(broken).toEqual([])
  })
})
