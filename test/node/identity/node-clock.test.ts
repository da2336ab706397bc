/** The bound of a node's clock on a virtual disk. */
import { expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { timestampOf } from '../../../src/core/causality/hybrid-clock.ts'
import { NodeClock } from '../../../src/node/identity/node-clock.ts'
import { NodeState } from '../../../src/node/identity/node-state.ts'
import { PeerLives } from '../../../src/node/identity/peer-lives.ts'
import { GroupCommit } from '../../../src/node/storage/group-commit.ts'
import type { Disk } from '../../../src/ports/disk.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'
import { Platter, VirtualDisk } from '../../../src/simulation/world/virtual-disk.ts'

it('clock: a bound that lies far ahead takes one raise, or two if one was under way', async () => {
  const schedule = new Schedule()
  const host = new Host('n1', 0, schedule)
  const random = new SeededRandom('clock')
  const disk: Disk = new VirtualDisk(new Platter(random), host, random.child('disk'))
  const write = disk.write.bind(disk)
  let writes = 0
  disk.write = (...batch) => {
    writes++
    return write(...batch)
  }
  const silent = (): undefined => undefined
  const ports = {
    clock: host,
    timers: host.timers(),
    disk,
    codec: msgpackCodec,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    metrics: { count: silent, gauge: silent, seconds: silent },
  }
  const during = async (run: () => Promise<void>): Promise<void> => {
    let isOver = false
    host.run(() => void run().then(() => (isOver = true)))
    await runSchedule(schedule, schedule.nowUs + 10_000_000, () => isOver)
    expect(isOver).toBe(true)
  }
  await during(async () => {
    const commits = new GroupCommit(ports)
    const state = await NodeState.load(disk, msgpackCodec, commits)
    const lives = new PeerLives(undefined)
    const clock = new NodeClock(ports, { state, lives, maxDriftMs: 500 })
    await clock.start()
    writes = 0
    await clock.raisedTo(timestampOf(host.wallMs() + 3000))
    const once = writes
    void clock.raised()
    await clock.raisedTo(timestampOf(host.wallMs() + 6000))
    expect([once, writes - once <= 2 * once]).toEqual([once, true])
    expect(once).toBeLessThanOrEqual(2)
  })
})
