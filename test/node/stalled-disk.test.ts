/**
 * A disk that stalls: it gives no error and no answer. Every request ends at its deadline, the node says what is wrong
 * within 5 s, the other owners serve its keys meanwhile, and it comes back by itself.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { QuorateError } from '../../src/core/errors.ts'
import type { NodeService } from '../../src/node/service/service.ts'
import { EMPTY_SESSION, type Session } from '../../src/core/causality/session.ts'
import { type Id, IDS, VirtualCluster } from './virtual-cluster.ts'

/** What the README promises, and some for the sweep of the deadlines. */
const UNREADY_SECONDS = 5
const TIMEOUT_MS = 500
const LATE_MS = 100

const BUCKETS = [
  { name: 'plain', mode: 'siblings', level: 'quorum' },
  { name: 'sloppy', mode: 'siblings', level: 'eventual' },
  { name: 'newest', mode: 'lww', level: 'quorum' },
  { name: 'counted', mode: 'counter', level: 'quorum' },
  { name: 'decided', mode: 'strong', level: 'strong' },
] as const
type TestBucket = (typeof BUCKETS)[number]

let cluster: VirtualCluster
beforeEach(async () => {
  cluster = new VirtualCluster('stalled disk')
  await cluster.start()
  for (const { name, mode, level } of BUCKETS) {
    const rest = { n: 3, consistency: level, durability: 'sync', ttlSeconds: null } as const
    const bucket = { name, mode, ...rest }
    expect(await cluster.ask('n1', (service) => service.createBucket(bucket, 2000))).toMatchObject({
      created: true,
    })
  }
})
afterEach(() => {
  expect(cluster.broken).toEqual([])
})

function writeTo({ name, mode, level }: TestBucket, key: string) {
  const at = { bucket: name, key, level, requestId: 'test', timeoutMs: TIMEOUT_MS } as const
  return async (service: NodeService): Promise<string> => {
    if (mode === 'counter') {
      await service.update({ ...at, change: { type: 'counter', increment: 1 } })
      return 'ok'
    }
    const value = new TextEncoder().encode(key)
    const content = { value, contentType: 'text/plain', tombstone: false, expiresAtMs: 0 }
    await service.put({ ...at, content, context: undefined })
    return 'ok'
  }
}

function readFrom({ name, level }: TestBucket, key: string) {
  return async (service: NodeService): Promise<string> => {
    const at = { bucket: name, key, level, requestId: 'test', timeoutMs: TIMEOUT_MS } as const
    const { siblings } = await service.get(at)
    // At eventual, one copy that lacks the value is an answer, too.
    return siblings.length > 0 || level === 'eventual' ? 'ok' : 'absent'
  }
}

it('ends every request at its deadline, before anybody has noticed', async () => {
  cluster.node('n1').platter.stall()
  // Past the bound of the clock that is on the disk: from then on nothing can be minted at n1.
  for (let round = 0; round < 5; round++) {
    for (const bucket of BUCKETS) {
      for (const request of [writeTo(bucket, `k${round}`), readFrom(bucket, `k${round}`)]) {
        const startUs = cluster.schedule.nowUs
        await cluster.ask('n1', request)
        expect((cluster.schedule.nowUs - startUs) / 1000).toBeLessThan(TIMEOUT_MS + LATE_MS)
      }
    }
  }
})

it('makes the node say so in time, and come back by itself', async () => {
  const storage = async () => {
    const readiness = await cluster.ask('n1', (service) => service.readiness('cluster'))
    if (typeof readiness === 'string') throw new Error(readiness)
    return readiness.checks.find(({ name }) => name === 'storage')
  }
  expect(await storage()).toMatchObject({ ok: true })
  cluster.node('n1').platter.stall()
  void cluster.put('n1', 'k', 'v')
  await cluster.pass(UNREADY_SECONDS)
  expect(await storage()).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/^the disk has not answered for \d+ s$/) as string,
  })
  const status = await cluster.ask('n1', (service) => service.status())
  expect(status).toMatchObject({
    storage: { state: 'stalled' },
    verdict: expect.stringContaining('n1 takes no writes: the disk has not answered') as string,
  })
  cluster.node('n1').platter.answerAgain()
  await cluster.pass(1)
  expect(await storage()).toMatchObject({ ok: true })
  expect(await cluster.put('n1', 'k', 'v')).toBe('ok')
})

it('keeps keys with two healthy owners readable and writable through every node', async () => {
  for (const bucket of BUCKETS) expect(await cluster.ask('n2', writeTo(bucket, 'old'))).toBe('ok')
  await cluster.pass(1)
  cluster.node('n1').platter.stall()
  void cluster.put('n1', 'k', 'v')
  await cluster.pass(UNREADY_SECONDS)
  for (const bucket of BUCKETS) {
    for (const id of IDS) {
      const what = `${bucket.name} ${id}`
      for (const key of ['old', `new-${id}`]) {
        expect(await cluster.ask(id, writeTo(bucket, key)), what).toBe('ok')
        // The stalled owner has the old value in memory: it tells that, and cannot be brought up to date.
        for (const reader of IDS) {
          expect(await cluster.ask(reader, readFrom(bucket, key)), `${what} ${reader}`).toBe('ok')
        }
      }
    }
  }
  cluster.node('n1').platter.answerAgain()
  await cluster.converged()
  for (const bucket of BUCKETS) {
    expect(await cluster.ask('n1', readFrom(bucket, 'new-n1'))).toBe('ok')
  }
})

it('rejects a write that waits for the disk, and never makes it', async () => {
  // A small cache would do the same: a new life has to read its copy first.
  cluster.node('n1').crash('process')
  cluster.node('n1').start()
  await cluster.until(() => cluster.node('n1').isUp)
  cluster.node('n1').platter.stall()
  let ended: unknown
  cluster.node('n1').call(writeTo(BUCKETS[0], 'rejected'), (end) => {
    ended = end.type === 'failed' ? end.error : end
  })
  await cluster.until(() => ended !== undefined)
  expect(ended).toBeInstanceOf(QuorateError)
  expect((ended as QuorateError).kind.outcome).toBe('rejected')
  cluster.node('n1').platter.answerAgain()
  await cluster.pass(5)
  expect(await cluster.ask('n2', readFrom(BUCKETS[0], 'rejected'))).toBe('absent')
})

it('serves a session its past from the other owners, in time, and never reads less than that', async () => {
  let session: Session = EMPTY_SESSION
  const at = (key: string) =>
    ({
      bucket: 'plain',
      key,
      level: 'causal',
      requestId: 'test',
      timeoutMs: TIMEOUT_MS,
      session,
    }) as const
  const write = async (id: Id, key: string): Promise<void> => {
    const value = new TextEncoder().encode(key)
    const content = { value, contentType: 'text/plain', tombstone: false, expiresAtMs: 0 }
    const answer = await cluster.ask(id, (service) =>
      service.put({ ...at(key), content, context: undefined }),
    )
    if (typeof answer === 'string') throw new Error(answer)
    session = answer.session as Session
  }
  const readFromAll = async (key: string): Promise<void> => {
    for (const id of IDS) {
      const startUs = cluster.schedule.nowUs
      const answer = await cluster.ask(id, (service) => service.get(at(key)))
      expect((cluster.schedule.nowUs - startUs) / 1000).toBeLessThan(TIMEOUT_MS + LATE_MS)
      if (typeof answer === 'string') throw new Error(`${id} ${key}: ${answer}`)
      expect(answer.siblings).toHaveLength(1)
    }
  }
  await write('n2', 'before')
  // A new life has nothing in memory: each read of n1 has to wait for its disk.
  cluster.node('n1').crash('process')
  cluster.node('n1').start()
  await cluster.until(() => cluster.node('n1').isUp)
  cluster.node('n1').platter.stall()
  await readFromAll('before')
  await write('n2', 'meanwhile')
  await readFromAll('meanwhile')
  await cluster.pass(UNREADY_SECONDS)
  await write('n1', 'stalled')
  for (const key of ['before', 'meanwhile', 'stalled']) await readFromAll(key)
  cluster.node('n1').platter.answerAgain()
  await cluster.converged()
  for (const key of ['before', 'meanwhile', 'stalled']) await readFromAll(key)
})
