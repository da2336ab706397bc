/**
 * A member whose clock was ahead, and has been set right: until its hybrid clock has been caught up, the others believe
 * no answer of it. They go on without it, through the other owners, and say why where there are none.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { QuorateError } from '../../../src/core/errors.ts'
import type { NodeService, WriteAnswer, WriteRequest } from '../../../src/node/service/service.ts'
import { type Id, VirtualCluster } from '../virtual-cluster.ts'

const IDS = ['n1', 'n2', 'n3', 'n4', 'n5'] as const
const AHEAD = 'n2'
const AHEAD_MS = 20_000
const KEYS = Array.from({ length: 12 }, (_, i) => `key-${i}`)

let cluster: VirtualCluster
beforeEach(async () => {
  cluster = new VirtualCluster('refused clocks', IDS)
  await cluster.start()
})
afterEach(() => {
  expect(cluster.broken).toEqual([])
})

/** The others have heard of a time to come, and refuse it. */
async function setAheadAndRight(): Promise<void> {
  cluster.node(AHEAD).host.jump(AHEAD_MS)
  await cluster.put(AHEAD, 'of-the-future', 'v', 'eventual')
  await cluster.pass(3)
  cluster.node(AHEAD).host.jump(-AHEAD_MS)
  await cluster.pass(2)
}

async function untilBelieved(): Promise<void> {
  await cluster.pass(AHEAD_MS / 1000)
  await cluster.converged()
}

async function make(name: string, mode: 'siblings' | 'counter' | 'strong', n: number) {
  const bucket = { name, mode, n, durability: 'sync', ttlSeconds: null } as const
  const consistency = mode === 'strong' ? 'strong' : 'quorum'
  const made = await cluster.ask('n1', (service) =>
    service.createBucket({ ...bucket, consistency }, 2000),
  )
  expect(made).toMatchObject({ created: true })
}

async function ownersOf(bucket: string, key: string): Promise<string[]> {
  const ring = await cluster.ask('n1', (service) => service.ring(bucket, key))
  if (typeof ring === 'string') throw new Error(ring)
  return ring.preference.filter(({ role }) => role === 'owner').map(({ node }) => node)
}

/** Keys of the bucket whose first owner is the one that is refused. */
async function keysOfAhead(bucket: string): Promise<string[]> {
  const firsts = await Promise.all(KEYS.map(async (key) => (await ownersOf(bucket, key))[0]))
  const keys = KEYS.filter((_, i) => firsts[i] === AHEAD)
  expect(keys.length).toBeGreaterThan(0)
  return keys
}

/** A key that all of these own, and its other owners. */
async function keyOf(
  bucket: string,
  ids: readonly Id[],
): Promise<{ key: string; others: readonly string[] }> {
  for (const key of KEYS) {
    const owners = await ownersOf(bucket, key)
    const others = owners.filter((owner) => !ids.includes(owner as Id))
    if (owners.length - others.length === ids.length) return { key, others }
  }
  throw new Error(`no key is owned by ${ids.join(', ')}`)
}

function otherThan(owners: readonly string[]): Id {
  return IDS.find((id) => id !== AHEAD && !owners.includes(id)) as Id
}

function put(bucket: string, key: string, level?: 'quorum' | 'eventual'): WriteRequest {
  const value = new TextEncoder().encode('v')
  const content = { value, contentType: 'text/plain', tombstone: false, expiresAtMs: 0 }
  const options = { bucket, key, requestId: 'test', ...(level === undefined ? {} : { level }) }
  return { ...options, content, context: undefined }
}

/** An increment of a counter, else a value. */
function change(service: NodeService, bucket: string, key: string): Promise<WriteAnswer> {
  if (bucket !== 'counters') return service.put(put(bucket, key))
  const increment = { type: 'counter', increment: 1 } as const
  return service.update({ bucket, key, requestId: 'test', change: increment })
}

/** The coordinator, or the error. */
async function write(
  id: Id,
  request: (service: NodeService) => Promise<WriteAnswer>,
): Promise<string | QuorateError> {
  const end = await cluster.ask(id, (service) =>
    request(service).then(
      ({ coordinator }) => ({ end: coordinator }),
      (error: unknown) => ({ end: error as QuorateError }),
    ),
  )
  if (typeof end === 'string') throw new Error(end)
  return end.end
}

describe('where another owner is there', () => {
  it('writes and updates are sent on to that one', async () => {
    await make('counters', 'counter', 3)
    await make('register', 'strong', 3)
    await setAheadAndRight()
    for (const bucket of ['default', 'counters', 'register']) {
      for (const key of await keysOfAhead(bucket)) {
        const owners = await ownersOf(bucket, key)
        const id = otherThan(owners)
        const coordinator = await write(id, (service) => change(service, bucket, key))
        expect(owners.filter((owner) => owner !== AHEAD)).toContain(coordinator)
      }
    }
    await untilBelieved()
  })

  it('reads ask that one first', async () => {
    const keys = await keysOfAhead('default')
    for (const key of keys) expect(await cluster.put('n1', key, 'v', 'all')).toBe('ok')
    await setAheadAndRight()
    for (const key of keys) {
      for (const id of IDS.filter((node) => node !== AHEAD)) {
        const read = await cluster.ask(id, (service) =>
          service.get({ bucket: 'default', key, level: 'quorum', requestId: 'test' }),
        )
        if (typeof read === 'string') throw new Error(read)
        expect(read.siblings).toHaveLength(1)
        expect(read.replicas.map(({ node }) => node)).not.toContain(AHEAD)
      }
    }
  })
})

describe('where no other owner is there', () => {
  it('a write is rejected for the clock, and never made', async () => {
    await make('single', 'siblings', 1)
    await make('alone', 'strong', 1)
    await make('counters', 'counter', 1)
    await setAheadAndRight()
    for (const bucket of ['single', 'alone', 'counters']) {
      const [key] = (await keysOfAhead(bucket)) as [string]
      const end = await write('n1', (service) => change(service, bucket, key))
      expect(end).toMatchObject({
        code: 'clock_drift',
        message: `none of the key's owners (${AHEAD}) is in reach; these nodes' clocks are too far ahead: ${AHEAD}; nothing was sent`,
      })
      await cluster.pass(1)
      expect(cluster.keysUnder(AHEAD, 'd/').some((name) => name.endsWith(key))).toBe(false)
    }
  })

  it('a sloppy write is kept for the one that is refused, and comes to it', async () => {
    await make('single', 'siblings', 1)
    await setAheadAndRight()
    const [key] = (await keysOfAhead('single')) as [string]
    const made = await write('n1', (service) => service.put(put('single', key, 'eventual')))
    expect(made).toBe('n1')
    await untilBelieved()
    expect(cluster.keysUnder(AHEAD, 'd/').some((name) => name.endsWith(key))).toBe(true)
  })

  it('a list says that partitions are missing, and does not blame a slow disk', async () => {
    await make('single', 'siblings', 1)
    await setAheadAndRight()
    const listed = await cluster.ask('n1', (service) =>
      service.list({ bucket: 'single', prefix: '', limit: 10, after: '' }),
    )
    if (typeof listed === 'string') throw new Error(listed)
    expect(listed.missingPartitions.length).toBeGreaterThan(0)
  })

  it('the status names the partitions without a quorum, and why', async () => {
    cluster.node('n3').crash('process')
    await setAheadAndRight()
    const status = await cluster.ask('n1', (service) => service.status())
    if (typeof status === 'string') throw new Error(status)
    expect(status.partitionsWithoutQuorum.length).toBeGreaterThan(0)
    expect(status.verdict).toContain(`n1 does not reach n3 and does not believe the clock of n2`)
    const { key, others } = await keyOf('default', [AHEAD, 'n3'])
    const end = await write(others[0] as Id, (service) => service.put(put('default', key)))
    expect(end).toMatchObject({ code: 'quorum_unreachable' })
    expect(String(end)).toContain(`; these nodes' clocks are too far ahead: ${AHEAD}`)
  })
})

it('a write is of unknown outcome, for the clock, where it was sent before that was known', async () => {
  await make('single', 'siblings', 1)
  const [key] = (await keysOfAhead('single')) as [string]
  cluster.node(AHEAD).host.jump(AHEAD_MS)
  // It says no time that it has not stored.
  expect(await write('n1', (service) => service.put(put('single', key)))).toMatchObject({
    code: 'outcome_unknown',
    message: `${AHEAD}, an owner of the key, was asked to write and answered that, by its clock, the deadline had passed`,
  })
  expect(await write(AHEAD, (service) => service.put(put('single', key)))).toBe(AHEAD)
  expect(await write('n1', (service) => service.put(put('single', key)))).toMatchObject({
    code: 'outcome_unknown',
    message: `${AHEAD}, an owner of the key, was asked to write and answered, but its clock is too far ahead: its answer does not count`,
  })
})
