/** Damage to each kind of record of a node: it is found, never believed, and the node comes back by itself. */
import { afterEach, describe, expect, it } from 'vitest'
import { CheckedDisk, DamagedStateError } from '../../../src/node/storage/checked-disk.ts'
import { frame, unframe } from '../../../src/node/storage/record-frame.ts'
import { FORMAT_WITHOUT_INDEX, STORAGE_FORMAT } from '../../../src/node/storage/storage-keys.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { Platter, VirtualDisk } from '../../../src/simulation/world/virtual-disk.ts'
import { diskConformance } from '../../conformance/disk.ts'
import { runningSchedule } from '../../simulation/world/virtual-time.ts'
import { type Id, IDS, VirtualCluster } from '../virtual-cluster.ts'

const schedule = runningSchedule()

diskConformance('the simulated disk behind checksums', () => {
  const random = new SeededRandom('disk')
  const platter = new Platter(random)
  return {
    open: async () =>
      new CheckedDisk(new VirtualDisk(platter, new Host('n1', 0, schedule()), random)),
    dispose: async () => undefined,
  }
})

describe('the frame of a value', () => {
  const VALUES = [0, 1, 3, 4, 5, 100].map((length) => new Uint8Array(length).fill(length))

  it.each([
    'm/clock',
    'p/07/strong/k',
    'i/07/123/default/k',
    'x/d/07/default/k',
    'd/07/b/k',
    'h/n1/b/k',
  ])('gives back what was stored under %s, and only there', (key) => {
    for (const value of VALUES) {
      const framed = frame(key, value)
      expect(unframe(key, framed)).toEqual(value)
      expect(unframe(`${key}0`, framed)).toBeUndefined()
    }
    expect(unframe(key, new Uint8Array(3))).toBeUndefined()
  })

  it('does not fit a value in which any bit has changed', () => {
    for (const value of VALUES) {
      const framed = frame('m/clock', value)
      for (let bit = 0; bit < framed.length * 8; bit++) {
        const damaged = framed.slice()
        damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
        expect(unframe('m/clock', damaged)).toBeUndefined()
      }
    }
  })
})

describe('a damaged disk', () => {
  async function disk(): Promise<{ platter: Platter; checked: CheckedDisk; damaged: string[] }> {
    const random = new SeededRandom('damaged')
    const platter = new Platter(random)
    const checked = new CheckedDisk(new VirtualDisk(platter, new Host('n1', 0, schedule()), random))
    const damaged: string[] = []
    checked.damaged.listen((key) => damaged.push(key))
    return { platter, checked, damaged }
  }

  it('refuses to tell the own state of the node', async () => {
    const { platter, checked } = await disk()
    const value = Uint8Array.of(1, 2, 3)
    await checked.write([{ type: 'put', key: 'm/clock', value }], { sync: true })
    expect(platter.rot(() => true)).toBe('m/clock')
    await expect(checked.getMany(['m/clock'])).rejects.toBeInstanceOf(DamagedStateError)
  })

  it('leaves entries out of an index, and still gives as many as asked for', async () => {
    const { platter, checked, damaged } = await disk()
    const keys = Array.from({ length: 20 }, (_, i) => `i/00/000/default/${10 + i}`)
    const value = new Uint8Array(0)
    await checked.write(
      keys.map((key) => ({ type: 'put', key, value })),
      { sync: true },
    )
    for (const bad of [keys[1], keys[2], keys[7]]) platter.rot((key) => key === bad)
    const whole = keys.filter((_, i) => ![1, 2, 7].includes(i))
    const found = await checked.range('i/', 'i0', 6)
    expect(found.map(([key]) => key)).toEqual(whole.slice(0, 6))
    expect(new Set(damaged)).toEqual(new Set([keys[1], keys[2], keys[7]]))
    expect((await checked.range('i/', 'i0', 100)).map(([key]) => key)).toEqual(whole)
  })

  it('tells a damaged promise without its content', async () => {
    const { platter, checked, damaged } = await disk()
    const value = Uint8Array.of(1, 2, 3)
    await checked.write([{ type: 'put', key: 'p/00/strong/k', value }], { sync: true })
    platter.rot(() => true)
    expect(await checked.range('p/', 'p0', 10)).toEqual([['p/00/strong/k', new Uint8Array(0)]])
    expect(damaged).toEqual(['p/00/strong/k'])
  })
})

describe('a node whose own state is damaged while it is stopped', () => {
  let cluster: VirtualCluster
  afterEach(() => expect(cluster.broken).toEqual([]))

  const KEYS = Array.from({ length: 10 }, (_, i) => `k${i}`)

  async function restartDamaged(seed: string, damage: (platter: Platter) => void): Promise<void> {
    cluster = new VirtualCluster(seed)
    await cluster.start()
    for (const key of KEYS) expect(await cluster.put('n1', key, key)).toBe('ok')
    await cluster.converged()
    const n2 = cluster.node('n2')
    n2.crash('process')
    damage(n2.platter)
    n2.start()
    await cluster.until(() => n2.isUp)
    await cluster.converged()
    for (const key of KEYS) expect(await cluster.get('n2', key, 'eventual')).toEqual([key])
    expect(cluster.keysUnder('n2', 'd/')).toHaveLength(KEYS.length)
  }

  it.each(['format', 'node', 'incarnation', 'clock', 'proof', 'own-lives', 'heard', 'names'])(
    'comes back by itself, filled, with a bit of its %s flipped',
    async (name) => {
      await restartDamaged(`bit of ${name}`, (platter) => {
        expect(platter.rot((key) => key === `m/${name}`)).toBe(`m/${name}`)
      })
    },
  )

  it.each(['clock', 'incarnation', 'proof'])(
    'comes back by itself without its %s',
    async (name) => {
      await restartDamaged(`without ${name}`, (platter) => {
        platter.restore(new Map([...platter.copy()].filter(([key]) => key !== `m/${name}`)))
      })
    },
  )
})

it('drops a damaged hint, and the owner gets what it was for from the others', async () => {
  const cluster = new VirtualCluster('damaged hint')
  await cluster.start()
  cluster.node('n3').crash('process')
  await cluster.pass(10)
  expect(await cluster.put('n1', 'k', 'value')).toBe('ok')
  const hintsOf = (id: Id): string[] => cluster.keysUnder(id, 'h/')
  await cluster.until(() => IDS.some((id) => hintsOf(id).length > 0))
  const keeper = IDS.find((id) => hintsOf(id).length > 0) as Id
  cluster.node(keeper).crash('process')
  cluster.node(keeper).platter.rot((key) => key.startsWith('h/'))
  cluster.node(keeper).start()
  await cluster.until(() => cluster.node(keeper).isUp)
  expect(cluster.keysUnder(keeper, 'h/')).toEqual([])
  expect(cluster.counted.get('hints_dropped_total')).toBe(1)
  cluster.node('n3').start()
  await cluster.until(() => cluster.node('n3').isUp)
  await cluster.converged()
  expect(await cluster.get('n3', 'k', 'eventual')).toEqual(['value'])
  expect(cluster.broken).toEqual([])
})

it('makes an index anew in which an entry was damaged', async () => {
  const cluster = new VirtualCluster('damaged index')
  await cluster.start()
  expect(await cluster.put('n1', 'k', 'value', 'all')).toBe('ok')
  // While n3 is away no delete is forgotten.
  cluster.node('n3').crash('process')
  expect(await cluster.put('n1', 'k', undefined, 'quorum')).toBe('ok')
  const n2 = cluster.node('n2')
  await cluster.until(() => cluster.keysUnder('n2', 'g/').length === 1)
  n2.platter.rot((key) => key.startsWith('g/'))
  cluster.node('n3').start()
  // The collector finds the damaged grave, and leaves it out.
  await cluster.until(() => n2.platter.get('m/format')?.[0] === FORMAT_WITHOUT_INDEX)
  n2.crash('process')
  n2.start()
  await cluster.until(() => n2.isUp)
  expect(n2.platter.get('m/format')?.[0]).toBe(STORAGE_FORMAT)
  await cluster.until(() => IDS.every((id) => cluster.keysUnder(id, 'd/').length === 0))
  expect(cluster.broken).toEqual([])
})
