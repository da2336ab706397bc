/**
 * Two watches under hundreds of changes, while nodes stop and start again: a slow one, and one that goes to the next node
 * every 100 ms. Both know what the store lists, also after a reset, because all nodes have forgotten the changes.
 * test/soak/watches.test.ts does the same with processes, all faults, and changes of the members.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'
import { ChangingKeys } from '../soak/changing-keys.ts'
import { WatchedKeys } from '../soak/watched-keys.ts'

const BUCKET = 'default'
const KEYS = 200
const CHANGES_PER_STEP = 80

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(3, { QUORATE_DURABILITY: 'os' })
})

afterAll(() => cluster.stop())

/** A node that starts again has another port. */
const urls = (): string[] => cluster.nodes.map(({ clientPort }) => `http://127.0.0.1:${clientPort}`)

test('two watches miss nothing while nodes stop and start again', async () => {
  const over = new AbortController()
  const slow = new WatchedKeys(BUCKET, over.signal)
  const hopping = new WatchedKeys(BUCKET, over.signal)
  const reading = Promise.all([slow.readSlowly(urls), hopping.readHopping(urls)])
  reading.catch(() => over.abort())
  for (const reader of [slow, hopping]) await expect.poll(() => reader.hasBegun).toBe(true)

  const work = new ChangingKeys(BUCKET, KEYS)
  const writesOver = new AbortController()
  const working = work.change(urls, AbortSignal.any([writesOver.signal, over.signal]))
  const moreChanges = async (): Promise<void> => {
    const enough = work.done + CHANGES_PER_STEP
    await expect.poll(() => work.done >= enough || over.signal.aborted).toBe(true)
  }
  for (const node of [1, 2]) {
    await moreChanges()
    await cluster.nodes[node]?.stop()
    await moreChanges()
    await cluster.restart(node)
  }
  await moreChanges()
  writesOver.abort()
  await working
  slow.isSlow = false
  const expectRight = async (): Promise<void> => {
    for (const [name, reader] of Object.entries({ slow, hopping })) {
      await expect.poll(() => reader.wrongs(urls()), { message: name }).toEqual([])
      console.info(name, `${work.done} changes`, reader.counts)
    }
  }
  await expectRight()

  const resets = [slow.resets, hopping.resets]
  await Promise.all(cluster.nodes.map((node) => node.stop()))
  await Promise.all(cluster.nodes.map((_, node) => cluster.restart(node)))
  await expect.poll(() => slow.resets).toBeGreaterThan(resets[0] as number)
  await expect.poll(() => hopping.resets).toBeGreaterThan(resets[1] as number)
  await expectRight()
  over.abort()
  await reading
})
