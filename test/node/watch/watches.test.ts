/** Watches of a cluster on virtual time: what a reader is told, at which node, and after what has happened. */
import { describe, expect, it } from 'vitest'
import type { Watch, WatchedKey, WatchRequest, WatchStep } from '../../../src/node/service/watch.ts'
import { type Id, VirtualCluster } from '../virtual-cluster.ts'

const FIVE: readonly Id[] = ['n1', 'n2', 'n3', 'n4', 'n5']

async function withCluster(
  name: string,
  run: (cluster: VirtualCluster) => Promise<void>,
  ids: readonly Id[] = FIVE,
): Promise<void> {
  const cluster = new VirtualCluster(name, ids)
  await cluster.start()
  // So that every member is in reach.
  await cluster.pass(2)
  await run(cluster)
  expect(cluster.broken).toEqual([])
}

async function open(
  cluster: VirtualCluster,
  id: Id,
  from: WatchRequest['from'] = 'now',
  prefix = '',
): Promise<Watch> {
  const watch = await cluster.ask(id, (service) =>
    service.watch({ bucket: 'default', prefix, from }),
  )
  if (typeof watch === 'string') throw new Error(watch)
  return watch
}

async function close(cluster: VirtualCluster, id: Id, watch: Watch): Promise<void> {
  await cluster.ask(id, (): Promise<string> => {
    watch.close()
    return Promise.resolve('closed')
  })
}

/** Takes steps until one is wanted, and returns all of them. */
async function stepsUntil(
  cluster: VirtualCluster,
  id: Id,
  watch: Watch,
  isLast: (step: WatchStep) => boolean,
): Promise<WatchStep[]> {
  const steps: WatchStep[] = []
  for (;;) {
    const step = await cluster.ask(id, () => watch.next())
    if (typeof step === 'string') throw new Error(step)
    steps.push(step)
    if (isLast(step) || step.type === 'end') return steps
  }
}

function keysIn(steps: readonly WatchStep[]): WatchedKey[] {
  return steps.flatMap((step) => (step.type === 'changes' ? step.keys : []))
}

/** Takes steps until the key comes; the key as it was told. */
async function told(cluster: VirtualCluster, id: Id, watch: Watch, key: string) {
  const has = (step: WatchStep): boolean => keysIn([step]).some((one) => one.key === key)
  const keys = keysIn(await stepsUntil(cluster, id, watch, has))
  return keys.find((one) => one.key === key) as WatchedKey
}

/** Key → number of values, after all that was told. */
function pictureOf(steps: readonly WatchStep[]): Record<string, number> {
  const picture = new Map<string, number>()
  for (const { key, siblings } of keysIn(steps)) {
    if (siblings === 0) picture.delete(key)
    else picture.set(key, siblings)
  }
  return Object.fromEntries([...picture].sort(([a], [b]) => (a < b ? -1 : 1)))
}

describe('a watch', () => {
  it('tells of writes at every node, and of their deletes', async () => {
    await withCluster('tells', async (cluster) => {
      await cluster.put('n1', 'before', 'x')
      const watch = await open(cluster, 'n3')
      for (let i = 0; i < 12; i++) await cluster.put(FIVE[i % 5] as Id, `k${i}`, 'value')
      await cluster.put('n2', 'k3', undefined)
      const steps = await stepsUntil(cluster, 'n3', watch, (step) =>
        keysIn([step]).some(({ key, siblings }) => key === 'k3' && siblings === 0),
      )
      await cluster.put('n1', 'last', 'x')
      steps.push(
        ...(await stepsUntil(cluster, 'n3', watch, (step) =>
          keysIn([step]).some(({ key }) => key === 'last'),
        )),
      )
      const names = [...Array(12).keys()].filter((i) => i !== 3).map((i) => `k${i}`)
      expect(pictureOf(steps)).toEqual(Object.fromEntries([...names, 'last'].map((k) => [k, 1])))
    })
  })

  it('tells each change once, and nothing of a repair', async () => {
    await withCluster('once', async (cluster) => {
      const watch = await open(cluster, 'n1')
      for (let i = 0; i < 5; i++) {
        await cluster.put('n2', `k${i}`, 'value', 'all')
        expect(await told(cluster, 'n1', watch, `k${i}`)).toMatchObject({ size: 5, siblings: 1 })
      }
      for (let i = 0; i < 5; i++) await cluster.get('n3', `k${i}`, 'all')
      // Comparisons, collected tombstones and the horizon change records, too.
      await cluster.put('n4', 'k0', undefined, 'all')
      expect(await told(cluster, 'n1', watch, 'k0')).toMatchObject({ siblings: 0 })
      await cluster.pass(60)
      await cluster.put('n2', 'end', 'x', 'all')
      const steps = await stepsUntil(cluster, 'n1', watch, () => true)
      expect(keysIn(steps).map(({ key }) => key)).toEqual(['end'])
    })
  })

  it('tells only keys with the prefix', async () => {
    await withCluster('prefix', async (cluster) => {
      const watch = await open(cluster, 'n1', 'now', 'a/')
      await cluster.put('n2', 'b/1', 'x')
      await cluster.put('n2', 'a/1', 'x')
      const steps = await stepsUntil(cluster, 'n1', watch, () => true)
      expect(keysIn(steps).map(({ key }) => key)).toEqual(['a/1'])
    })
  })

  it('tells that a value has expired', async () => {
    await withCluster('expiry', async (cluster) => {
      await cluster.put('n1', 'old', 'x', 'quorum', 4000)
      const watch = await open(cluster, 'n1')
      await cluster.put('n2', 'young', 'x', 'quorum', 3000)
      expect(await told(cluster, 'n1', watch, 'young')).toMatchObject({ siblings: 1 })
      const seen = new Set<string>()
      const steps = await stepsUntil(cluster, 'n1', watch, (step) => {
        for (const { key } of keysIn([step])) seen.add(key)
        return seen.size === 2
      })
      const gone = keysIn(steps).map(({ key, siblings }) => `${key} ${siblings}`)
      expect(new Set(gone)).toEqual(new Set(['young 0', 'old 0']))
    })
  })

  it('begins with every key if asked to', async () => {
    await withCluster('everything', async (cluster) => {
      for (let i = 0; i < 30; i++) await cluster.put('n1', `k${i + 10}`, 'x')
      await cluster.put('n1', 'k10', undefined)
      const watch = await open(cluster, 'n2', 'everything')
      expect(watch.position).toBe('everything')
      const steps = await stepsUntil(cluster, 'n2', watch, ({ type }) => type === 'complete')
      expect(Object.keys(pictureOf(steps))).toEqual([...Array(29).keys()].map((i) => `k${i + 11}`))
      expect(watch.position).not.toBe('everything')
      await cluster.put('n3', 'k10', 'x')
      expect(await told(cluster, 'n2', watch, 'k10')).toMatchObject({ siblings: 1 })
    })
  })
})

describe('a position', () => {
  it('continues at any node, without a gap', async () => {
    await withCluster('resumes', async (cluster) => {
      const first = await open(cluster, 'n1')
      const steps: WatchStep[] = []
      let { position } = first
      await close(cluster, 'n1', first)
      for (let i = 0; i < 10; i++) {
        await cluster.put(FIVE[(i * 2) % 5] as Id, `k${i}`, 'x', 'eventual')
        const at = FIVE[i % 5] as Id
        const watch = await open(cluster, at, position === 'everything' ? 'now' : position)
        const isIt = (step: WatchStep): boolean => keysIn([step]).some(({ key }) => key === `k${i}`)
        steps.push(...(await stepsUntil(cluster, at, watch, isIt)))
        ;({ position } = watch)
        await close(cluster, at, watch)
      }
      expect(keysIn(steps)).toHaveLength(10)
    })
  })

  it('continues in the log of another owner when one has died', async () => {
    await withCluster('failover', async (cluster) => {
      const watch = await open(cluster, 'n1')
      await cluster.pass(1)
      cluster.node('n2').crash('process')
      for (let i = 0; i < 40; i++) await cluster.put('n3', `k${i}`, 'x')
      const seen = new Set<string>()
      const steps = await stepsUntil(cluster, 'n1', watch, (step) => {
        for (const { key } of keysIn([step])) seen.add(key)
        return seen.size === 40
      })
      expect(steps.every(({ type }) => type === 'changes')).toBe(true)
    })
  })

  it('is gone when the log has ended everywhere, and the watch begins again', async () => {
    await withCluster('gone', async (cluster) => {
      const watch = await open(cluster, 'n1')
      await cluster.put('n1', 'k', 'x')
      await told(cluster, 'n1', watch, 'k')
      const { position } = watch
      for (const id of FIVE) cluster.node(id).crash('process')
      for (const id of FIVE) cluster.node(id).start()
      await cluster.until(() => FIVE.every((id) => cluster.node(id).isUp))
      await cluster.pass(3)
      if (position === 'everything') throw new Error('no position')
      const end = await cluster.ask('n2', (service) =>
        service.watch({ bucket: 'default', prefix: '', from: position }),
      )
      expect(end).toBe('watch_position_gone')
    })
  })

  it('does not count for a node that kept no log', async () => {
    await withCluster('reset', async (cluster) => {
      const watch = await open(cluster, 'n1')
      await cluster.put('n1', 'k', 'x')
      await told(cluster, 'n1', watch, 'k')
      const others = FIVE.filter((id) => id !== 'n1')
      for (const id of others) cluster.node(id).crash('process')
      for (const id of others) cluster.node(id).start()
      const steps = await stepsUntil(cluster, 'n1', watch, ({ type }) => type === 'complete')
      expect(steps.map(({ type }) => type)).toContain('reset')
      expect(pictureOf(steps)).toEqual({ k: 1 })
    })
  })
})

describe('a reader', () => {
  it('that takes nothing costs one page of each log, and misses nothing', async () => {
    await withCluster('slow', async (cluster) => {
      const watch = await open(cluster, 'n1')
      for (let i = 0; i < 300; i++) await cluster.put('n2', `k${i % 150}`, `v${i}`, 'eventual')
      const seen = new Set<string>()
      const steps = await stepsUntil(cluster, 'n1', watch, (step) => {
        for (const { key } of keysIn([step])) seen.add(key)
        return seen.size === 150
      })
      for (const step of steps) expect(keysIn([step]).length).toBeLessThanOrEqual(64)
    })
  })

  it('among many hears of changes less often, so that their requests do not flood the owners', async () => {
    await withCluster('many', async (cluster) => {
      let sentBytes = 0
      cluster.wires.onSend = (from, frame) => {
        if (from === 'n1') sentBytes += frame.length
      }
      const bytesWith = async (count: number): Promise<number> => {
        const watches: Watch[] = []
        // Nothing waits for a reader, so only the news decide how often the logs are read.
        for (let i = 0; i < count; i++) watches.push(await open(cluster, 'n1', 'now', 'none/'))
        sentBytes = 0
        for (let i = 0; i < 30; i++) {
          await cluster.put('n2', `k${i % 7}`, 'x')
          await cluster.pass(0.03)
        }
        const sum = sentBytes
        for (const watch of watches) await close(cluster, 'n1', watch)
        return sum
      }
      const [none, few, many] = [await bytesWith(0), await bytesWith(8), await bytesWith(64)]
      expect(many - none).toBeLessThan(3 * (few - none))
    })
  })

  it('of an isolated node hears that it is behind', async () => {
    await withCluster('isolated', async (cluster) => {
      const watch = await open(cluster, 'n1')
      expect(watch.status().hiddenPartitions).toEqual([])
      const heal = cluster.isolate('n1')
      await cluster.pass(10)
      expect(watch.status().hiddenPartitions.length).toBeGreaterThan(100)
      for (let i = 0; i < 10; i++) await cluster.put('n2', `k${i}`, 'x')
      heal()
      const seen = new Set<string>()
      await stepsUntil(cluster, 'n1', watch, (step) => {
        for (const { key } of keysIn([step])) seen.add(key)
        return seen.size === 10
      })
      await cluster.until(() => watch.status().hiddenPartitions.length === 0)
      const { toldUntilMs = 0 } = watch.status()
      await cluster.until(() => (watch.status().toldUntilMs ?? 0) > toldUntilMs)
    })
  })

  it('gets an end when its node stops', async () => {
    await withCluster('stops', async (cluster) => {
      const watch = await open(cluster, 'n1')
      void cluster.node('n1').stop()
      await cluster.pass(1)
      const step = await watch.next()
      expect(step.type).toBe('end')
    })
  })
})
