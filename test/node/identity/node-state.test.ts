import { expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { GroupCommit } from '../../../src/node/storage/group-commit.ts'
import { NodeState } from '../../../src/node/identity/node-state.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { Platter, VirtualDisk } from '../../../src/simulation/world/virtual-disk.ts'
import { runningSchedule } from '../../simulation/world/virtual-time.ts'

const schedule = runningSchedule()
const nothing = (): void => undefined

it('a record that a full disk refused is not missed at the next start', async () => {
  const random = new SeededRandom('node state')
  const platter = new Platter(random)
  const host = new Host('n1', 0, schedule())
  const disk = new VirtualDisk(platter, host, random)
  const metrics = { count: nothing, gauge: nothing, seconds: nothing }
  const commits = new GroupCommit({ disk, timers: host.timers(), clock: host, metrics })
  const state = await NodeState.load(disk, msgpackCodec, commits)
  await state.set('format', 4)
  platter.isFull = true
  await expect(state.set('clock-correction', [1, 2])).rejects.toThrow('no space left')
  platter.isFull = false
  await state.set('fences', [])

  const next = await NodeState.load(disk, msgpackCodec, commits)
  expect([next.get('format'), next.get('clock-correction'), next.get('fences')]).toEqual([
    4,
    undefined,
    [],
  ])
  // Once it is stored it is missed again.
  await state.set('clock-correction', [1, 2])
  await disk.write([{ type: 'delete', key: 'm/clock-correction' }], { sync: true })
  await expect(NodeState.load(disk, msgpackCodec, commits)).rejects.toThrow('has vanished')
})
