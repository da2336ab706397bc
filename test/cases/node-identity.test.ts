/** A second process with the id of a node that is alive. It is refused, and all say so; once the first has ended it is let in. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { freePorts } from '../../src/local-cluster/address-plan.ts'
import { NamedNode } from './named-node.ts'

const WAIT = { timeout: 45_000, interval: 50 }
const WRITES = 25

let directory = ''
const cleanups: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-twin-'))
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  await rm(directory, { recursive: true })
})

it('refuses a twin while the first process lives, reads nothing stale, and lets it in afterwards', async () => {
  const [n1 = 0, n2 = 0, n3 = 0, twinPort = 0, clientPort = 0] = await freePorts(5)
  const members = { n1, n2, n3 }
  const start = (id: keyof typeof members): Promise<NamedNode> =>
    NamedNode.start({ id, dataDir: join(directory, id), peerPort: members[id], members })
  const [first, second, third] = await Promise.all([start('n1'), start('n2'), start('n3')])
  cleanups.push(
    () => second.stop(),
    () => third.stop(),
  )
  await expect.poll(() => first.put('strong/k', 'before'), WAIT).toBeLessThan(300)
  let isReady = false
  const starting = NamedNode.start({
    id: 'n1',
    dataDir: join(directory, 'twin'),
    peerPort: twinPort,
    members,
    clientPort,
  }).then((node) => {
    isReady = true
    return node
  })
  // It is let in when the first has ended, and only then can it be stopped.
  cleanups.push(async () => (await starting).stop())
  cleanups.push(() => first.stop())
  const ask = async (path: string, method = 'GET'): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${clientPort}${path}`, { method }).catch(
      () => undefined,
    )
    return [response?.status ?? 0, (await response?.text()) ?? '']
  }
  await expect
    .poll(async () => (await ask('/readyz'))[1], WAIT)
    .toContain('n2 already accepts another process as n1')
  for (const node of [first, second, third]) {
    const words = /A second process has the node id n1: (?:n2, n3|n3, n2) refuse it\./
    await expect.poll(async () => (await node.status()).verdict, WAIT).toMatch(words)
  }
  const stale: string[] = []
  let byTwin = 0
  for (let i = 0; i < WRITES; i++) {
    for (const path of [`default/k${i % 10}`, 'strong/k']) {
      if ((await ask(`/v1/kv/${path}`, 'PUT'))[0] < 300) byTwin++
      expect(await first.put(path, `${path} ${i}`)).toBeLessThan(300)
      const [, got] = await (i % 2 === 0 ? second : third).ask(`/v1/kv/${path}`)
      if (got !== `${path} ${i}`) stale.push(got)
    }
  }
  expect([stale, byTwin, isReady]).toEqual([[], 0, false])
  await first.stop()
  const twin = await starting
  await expect.poll(async () => (await twin.ask('/readyz'))[0], WAIT).toBe(200)
  expect(await twin.ask('/v1/kv/strong/k')).toEqual([200, `strong/k ${WRITES - 1}`])
})
