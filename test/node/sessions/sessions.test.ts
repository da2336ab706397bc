/** Causal sessions on virtual time: what they read in a cut, what they refuse, and how their past stays small. */
import { expect, test } from 'vitest'
import {
  EMPTY_SESSION,
  quorumFloorOf,
  SESSION_BYTES_MAX,
  type Session,
  sessionBytes,
} from '../../../src/core/causality/session.ts'
import { EMPTY_VECTOR, type VersionVector } from '../../../src/core/causality/version-vector.ts'
import type { ReadAnswer, WriteAnswer } from '../../../src/node/service/service.ts'
import { type Id, IDS, VirtualCluster } from '../virtual-cluster.ts'

const utf8 = new TextEncoder()
const PLAIN = { consistency: 'quorum', durability: 'sync', ttlSeconds: null } as const

/** A client that goes on with one session through whatever node. */
class SessionClient {
  readonly #cluster: VirtualCluster
  past: Session = EMPTY_SESSION

  constructor(cluster: VirtualCluster) {
    this.#cluster = cluster
  }

  /** 'ok', or the code of the error. Undefined deletes. */
  async put(
    id: Id,
    key: string,
    value: string | undefined,
    bucket = 'default',
    context?: VersionVector,
  ): Promise<string> {
    const content = {
      value: utf8.encode(value ?? ''),
      contentType: value === undefined ? '' : 'x',
      tombstone: value === undefined,
      expiresAtMs: 0,
    }
    const answer = await this.#cluster.ask(id, (service) =>
      service.put({ ...this.#at(bucket, key), content, context }),
    )
    return this.#take(answer) ?? 'ok'
  }

  /** The values, or the code of the error. */
  async get(id: Id, key: string, bucket = 'default'): Promise<string[] | string> {
    const answer = await this.#cluster.ask(id, (service) => service.get(this.#at(bucket, key)))
    if (typeof answer === 'string') return answer
    this.#take(answer)
    return answer.siblings.map(({ value }) => new TextDecoder().decode(value))
  }

  #at(bucket: string, key: string) {
    const level = 'causal' as const
    return { bucket, key, level, timeoutMs: 1000, requestId: 'test', session: this.past }
  }

  #take(answer: ReadAnswer | WriteAnswer | string): string | undefined {
    if (typeof answer === 'string') return answer
    if (answer.session === undefined) throw new Error('a causal answer without a session')
    this.past = answer.session
    return undefined
  }
}

async function started(seed: string): Promise<VirtualCluster> {
  const cluster = new VirtualCluster(seed)
  await cluster.start()
  await cluster.pass(2)
  return cluster
}

test.each(['default', 'latest'])(
  'in %s a session reads its own write, or is told that it cannot, on both sides of a cut',
  async (bucket) => {
    const cluster = await started('cut')
    const client = new SessionClient(cluster)
    expect(await client.put('n1', 'k', 'old', bucket)).toBe('ok')
    await cluster.pass(1)
    const heal = cluster.isolate('n3')
    expect(await client.put('n1', 'k', 'new', bucket)).toBe('ok')
    expect(await client.get('n2', 'k', bucket)).toEqual(['new'])
    expect(await client.get('n3', 'k', bucket)).toBe('session_past_unreachable')
    // Whoever knows nothing of it reads what is there.
    expect(await new SessionClient(cluster).get('n3', 'k', bucket)).toEqual(['old'])
    heal()
    await cluster.converged()
    expect(await client.get('n3', 'k', bucket)).toEqual(['new'])
    expect(cluster.broken).toEqual([])
  },
)

test('who reads an effect does not read what was before its cause, in another bucket', async () => {
  const cluster = await started('cause')
  const writer = new SessionClient(cluster)
  const reader = new SessionClient(cluster)
  await writer.put('n1', 'cause', 'old', 'latest')
  await cluster.pass(1)
  const heal = cluster.isolate('n3')
  await writer.put('n1', 'cause', 'new', 'latest')
  await writer.put('n1', 'effect', 'x')
  await cluster.pass(0.1)
  expect(await reader.get('n2', 'effect')).toEqual(['x'])
  expect(await reader.get('n3', 'cause', 'latest')).toBe('session_past_unreachable')
  expect(await reader.get('n2', 'cause', 'latest')).toEqual(['new'])
  heal()
  await cluster.converged()
  expect(await reader.get('n3', 'cause', 'latest')).toEqual(['new'])
})

test('who cannot find its past is told of the nodes that are silent, and of no other', async () => {
  const cluster = await started('silent')
  const single = { name: 'single', mode: 'siblings', n: 1, ...PLAIN } as const
  await cluster.ask('n1', (service) => service.createBucket(single, 5000))
  const ring = await cluster.ask('n1', (service) => service.ring('single', 'k'))
  if (typeof ring === 'string') throw new Error(ring)
  const owner = ring.preference[0]?.node as Id
  const [asked, other] = IDS.filter((id) => id !== owner) as [Id, Id]
  const client = new SessionClient(cluster)
  expect(await client.put(owner, 'k', 'v', 'single')).toBe('ok')
  cluster.isolate(owner)
  const { past: session } = client
  const request = {
    bucket: 'single',
    key: 'k',
    level: 'causal',
    requestId: 'test',
    session,
  } as const
  const told = await cluster.ask(asked, (service) =>
    service.get(request).then(
      () => 'an answer',
      (error: unknown) => String(error),
    ),
  )
  expect(told).toContain('single/k')
  expect(told).toMatch(new RegExp(`no answer from ${owner}$`))
  expect(told).not.toContain(other)
})

test('a session that has seen a settled value does not lose it where only a hint is in reach', async () => {
  const cluster = new VirtualCluster('only a hint', ['n1', 'n2', 'n3', 'n4', 'n5'])
  await cluster.start()
  await cluster.pass(2)
  const client = new SessionClient(cluster)
  const key = await ownedByOthers(cluster)
  expect(await client.put('n1', key, 'old')).toBe('ok')
  await cluster.pass(20)
  expect(await client.get('n4', key)).toEqual(['old'])
  expect(client.past.size).toBe(0)
  const heals = (['n1', 'n2', 'n3'] as const).map((id) => cluster.isolate(id))
  await cluster.pass(5)
  // The two values are siblings, and a fallback of the key keeps the second one.
  expect(await client.put('n4', key, 'new', 'default', EMPTY_VECTOR)).toBe('ok')
  expect(await client.get('n4', key)).toBe('session_past_unreachable')
  for (const heal of heals) heal()
  await cluster.converged()
  expect((await client.get('n4', key)).toString()).toBe('old,new')
  expect(cluster.broken).toEqual([])
})

/** A key that neither n4 nor n5 owns. */
async function ownedByOthers(cluster: VirtualCluster): Promise<string> {
  for (let i = 0; ; i++) {
    const ring = await cluster.ask('n1', (service) => service.ring('default', `k${i}`))
    if (typeof ring === 'string') throw new Error(ring)
    const owners = ring.preference.slice(0, 3).map(({ node }) => node)
    if (!owners.includes('n4') && !owners.includes('n5')) return `k${i}`
  }
}

test('a blind write replaces what its session has written elsewhere, seen here or not', async () => {
  const cluster = await started('blind')
  const client = new SessionClient(cluster)
  // Each side keeps only its own write, until they meet.
  const heal = cluster.isolate('n3')
  expect(await client.put('n1', 'k', 'first')).toBe('ok')
  expect(await client.put('n3', 'k', 'second')).toBe('ok')
  heal()
  await cluster.converged()
  expect(await client.get('n1', 'k')).toEqual(['second'])
})

test('a node cut off on an old directory answers no session whose past has settled, and replaces nothing', async () => {
  const cluster = await started('old')
  const client = new SessionClient(cluster)
  await client.put('n1', 'k', 'old')
  await cluster.pass(30)
  const backup = cluster.node('n3').platter.copy()
  await client.put('n1', 'k', 'new')
  await cluster.pass(60)
  await client.get('n1', 'other')
  expect(client.past.size).toBe(0)
  const heal = cluster.isolate('n3')
  cluster.node('n3').crash('machine')
  cluster.node('n3').platter.restore(backup)
  cluster.node('n3').start()
  await cluster.until(() => cluster.node('n3').isUp)
  expect(await client.get('n3', 'k')).toBe('quorum_unreachable')
  expect(await client.put('n3', 'k', 'newest')).toBe('session_past_unreachable')
  // Whoever knows nothing of it is answered.
  expect(await new SessionClient(cluster).get('n3', 'k')).toEqual(['old'])
  heal()
  await cluster.converged()
  expect(await client.get('n3', 'k')).toEqual(['new'])
  expect(cluster.broken).toEqual([])
})

test.each(['default', 'latest'])(
  'in %s a delete through an owner that is being filled replaces what it does not hold yet',
  async (bucket) => {
    const cluster = await started('filled')
    const client = new SessionClient(cluster)
    await client.put('n1', 'k', 'v', bucket)
    await cluster.pass(60)
    await client.get('n1', 'other')
    expect(client.past.size).toBe(0)
    cluster.node('n3').crash('machine')
    cluster.node('n3').platter.wipe()
    cluster.node('n3').start()
    await cluster.until(() => cluster.node('n3').isUp)
    expect(await client.put('n3', 'k', undefined, bucket)).toBe('ok')
    await cluster.converged()
    expect(await client.get('n1', 'k', bucket)).toEqual([])
    expect(cluster.broken).toEqual([])
  },
)

test('an element that has settled is removed through an owner that is being filled', async () => {
  const cluster = await started('filled set')
  const set = { name: 'tags', mode: 'set', n: 3, ...PLAIN } as const
  await cluster.ask('n1', (service) => service.createBucket(set, 5000))
  let session: Session = EMPTY_SESSION
  const key = { bucket: 'tags', key: 'k', level: 'causal', requestId: 'test' } as const
  const change = async (id: Id, add: string[], remove: string[]): Promise<string> => {
    const answer = await cluster.ask(id, (service) =>
      service.update({ ...key, session, change: { type: 'set', add, remove } }),
    )
    if (typeof answer === 'string') return answer
    session = answer.session as Session
    return 'ok'
  }
  expect(await change('n1', ['a'], [])).toBe('ok')
  await cluster.pass(60)
  const quiet = await cluster.ask('n1', (service) => service.get({ ...key, session }))
  if (typeof quiet === 'string') throw new Error(quiet)
  session = quiet.session as Session
  expect(session.size).toBe(0)
  cluster.node('n3').crash('machine')
  cluster.node('n3').platter.wipe()
  cluster.node('n3').start()
  await cluster.until(() => cluster.node('n3').isUp)
  expect(await change('n3', [], ['a'])).toBe('ok')
  await cluster.converged()
  const read = await cluster.ask('n1', (service) => service.get({ ...key, session }))
  expect(read).toMatchObject({ siblings: [] })
  expect(cluster.broken).toEqual([])
})

test('a past is forgotten once every owner holds it', async () => {
  const cluster = await started('settled')
  const client = new SessionClient(cluster)
  await client.put('n1', 'k', 'v')
  expect(client.past.size).toBe(1)
  await cluster.pass(60)
  expect(await client.get('n2', 'other')).toEqual([])
  expect(client.past.size).toBe(0)
})

test('a past stays within its bound: the oldest is brought to all owners, in a cut to a majority', async () => {
  const cluster = await started('bound')
  const client = new SessionClient(cluster)
  const key = (i: number): string => `${i}-${'x'.repeat(500)}`
  for (let i = 0; i < 20; i++) {
    expect(await client.put('n1', key(i), `${i}`)).toBe('ok')
    expect(sessionBytes(client.past)).toBeLessThanOrEqual(SESSION_BYTES_MAX)
  }
  expect(quorumFloorOf(client.past)).toBe(0)
  const heal = cluster.isolate('n3')
  for (let i = 20; i < 30; i++) {
    expect(await client.put('n1', key(i), `${i}`)).toBe('ok')
    expect(sessionBytes(client.past)).toBeLessThanOrEqual(SESSION_BYTES_MAX)
  }
  expect(quorumFloorOf(client.past)).toBeGreaterThan(0)
  for (let i = 0; i < 30; i++) expect(await client.get('n2', key(i))).toEqual([`${i}`])
  // Left out of the past, and not at n3: it must not be read as absent there.
  expect(await client.get('n3', key(21))).toBe('quorum_unreachable')
  heal()
  await cluster.converged()
  await cluster.pass(60)
  expect(await client.get('n3', key(21))).toEqual(['21'])
  expect(quorumFloorOf(client.past)).toBe(0)
  expect(cluster.broken).toEqual([])
})
