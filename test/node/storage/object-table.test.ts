/** The table over a simulated disk that stalls: what waits for a record has a bound, and none is told that it is absent. */
import { expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { recordOperations } from '../../../src/node/storage/data-index.ts'
import { GroupCommit } from '../../../src/node/storage/group-commit.ts'
import { ABSENT_COPY, encodeCopy } from '../../../src/node/wire/object-record.ts'
import {
  type Entry,
  LOADS_WAITING_MAX,
  ObjectTable,
} from '../../../src/node/storage/object-table.ts'
import { refusalOf } from '../../../src/node/replica/replica.ts'
import { dataKey } from '../../../src/node/storage/storage-keys.ts'
import { DiskError } from '../../../src/ports/disk.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'
import { Platter, VirtualDisk } from '../../../src/simulation/world/virtual-disk.ts'
import { contentOf } from '../../properties/replica-runs.ts'
import { vectorOf } from '../../../src/core/causality/version-vector.ts'

const KEY = dataKey(7, 'default', 'k')
const MORE = 100

it('refuses reads beyond its bound while the disk stalls, and serves those below afterwards', async () => {
  const schedule = new Schedule()
  const host = new Host('n1', 0, schedule)
  const platter = new Platter(new SeededRandom('platter'))
  const disk = new VirtualDisk(platter, host, new SeededRandom('disk'))
  const ports = { disk, codec: msgpackCodec, timers: host.timers() }
  const metrics = { count: () => undefined, gauge: () => undefined, seconds: () => undefined }
  const commits = new GroupCommit({ ...ports, clock: host, metrics })
  const held = encodeCopy(msgpackCodec, {
    vector: vectorOf([['n1~a', 1]]),
    siblings: [{ ...contentOf('value'), actor: 'n1~a', timestamp: 1 }],
  })
  const operations = recordOperations(msgpackCodec, KEY, ABSENT_COPY, held)
  const stored = disk.write(operations, { sync: true })
  await runSchedule(schedule, schedule.nowUs + 1_000_000)
  await stored

  const table = new ObjectTable(ports, commits, 1_000_000)
  const found: Entry[] = []
  const refused: string[] = []
  const find = (): void =>
    table.find(KEY, (entry, failure) => {
      if (entry !== undefined) found.push(entry)
      else if (failure instanceof DiskError) refused.push(refusalOf(failure).code)
    })
  platter.stall()
  for (let i = 0; i < LOADS_WAITING_MAX / 2; i++) find()
  // The first read is under way by now: the others join it.
  await runSchedule(schedule, schedule.nowUs + 1_000_000)
  for (let i = 0; i < LOADS_WAITING_MAX / 2 + MORE; i++) find()
  await runSchedule(schedule, schedule.nowUs + 1_000_000)
  expect(found).toEqual([])
  expect(refused).toEqual(Array.from({ length: MORE }, () => 'overloaded'))

  platter.answerAgain()
  await runSchedule(schedule, schedule.nowUs + 1_000_000)
  expect(found).toHaveLength(LOADS_WAITING_MAX)
  expect(found.every(({ durable }) => durable.object.siblings.length === 1)).toBe(true)
  table.forget(KEY)
  find()
  await runSchedule(schedule, schedule.nowUs + 1_000_000)
  expect(found).toHaveLength(LOADS_WAITING_MAX + 1)
})
