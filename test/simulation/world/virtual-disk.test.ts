import { describe, expect, it } from 'vitest'
import { DiskError, type DiskOperation } from '../../../src/ports/disk.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { Platter, VirtualDisk } from '../../../src/simulation/world/virtual-disk.ts'
import { diskConformance } from '../../conformance/disk.ts'
import { runningSchedule } from './virtual-time.ts'

const put = (key: string, value: number): DiskOperation => ({
  type: 'put',
  key,
  value: Uint8Array.of(value),
})

const schedule = runningSchedule()

diskConformance('the simulated disk', () => {
  const random = new SeededRandom('disk')
  const platter = new Platter(random)
  return {
    open: async () => new VirtualDisk(platter, new Host('n1', 0, schedule()), random),
    dispose: async () => undefined,
  }
})

describe('the simulated disk', () => {
  const world = (seed: string) => {
    const random = new SeededRandom(seed)
    const platter = new Platter(random)
    const host = new Host('n1', 0, schedule())
    return { platter, host, disk: new VirtualDisk(platter, host, random) }
  }

  it('keeps synced batches, and a prefix of the others, if the machine loses power', async () => {
    const kept = new Set<string>()
    for (let seed = 0; seed < 40; seed++) {
      const { platter, disk } = world(`crash ${seed}`)
      await disk.write([put('a', 1)], { sync: true })
      await disk.write([put('b', 1), put('c', 1)], { sync: false })
      await disk.write([put('d', 1)], { sync: false })
      platter.endMachine()
      kept.add(platter.keys().join(''))
    }
    expect([...kept].sort()).toEqual(['a', 'abc', 'abcd'])
  })

  it('loses no applied batch if only the process dies', async () => {
    const { platter, disk } = world('process')
    await disk.write([put('a', 1)], { sync: false })
    platter.endProcess()
    platter.endMachine()
    expect(['', 'a']).toContain(platter.keys().join(''))
    const again = world('process again')
    await again.disk.write([put('a', 1)], { sync: false })
    again.platter.endProcess()
    expect(again.platter.keys()).toEqual(['a'])
  })

  it('applies a batch under way at a crash whole or not at all', () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 40; seed++) {
      const { platter, host, disk } = world(`torn ${seed}`)
      void disk.write([put('a', 1), put('b', 1)], { sync: true })
      host.end()
      platter.endMachine()
      seen.add(platter.keys().join(''))
    }
    expect([...seen].sort()).toEqual(['', 'ab'])
  })

  it('refuses writes while it is full, and says so', async () => {
    const { platter, disk } = world('full')
    platter.isFull = true
    await expect(disk.write([put('a', 1)], { sync: true })).rejects.toSatisfy(
      (error) =>
        error instanceof DiskError && error.code === 'disk_full' && error.effect === 'none',
    )
    expect(disk.health().state).toBe('full')
    platter.isFull = false
    await disk.write([put('a', 1)], { sync: true })
    expect(disk.health().state).toBe('ok')
  })

  it('may have applied a batch that ended with an input/output error', async () => {
    const outcomes = new Set<number>()
    for (let seed = 0; seed < 40; seed++) {
      const { platter, disk } = world(`error ${seed}`)
      platter.failPercent = 100
      await expect(disk.write([put('a', 1)], { sync: true })).rejects.toSatisfy(
        (error) => error instanceof DiskError && error.effect === 'unknown',
      )
      outcomes.add(platter.keys().length)
    }
    expect(outcomes).toEqual(new Set([0, 1]))
  })

  it('rots one bit of one value', async () => {
    const { platter, disk } = world('rot')
    await disk.write([put('a', 1), put('d/1', 1)], { sync: true })
    expect(platter.rot((key) => key.startsWith('d/'))).toBe('d/1')
    expect(platter.get('d/1')).not.toEqual(Uint8Array.of(1))
    expect(platter.get('a')).toEqual(Uint8Array.of(1))
  })
})
