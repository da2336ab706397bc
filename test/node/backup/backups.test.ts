/** A backup has every write that was acknowledged before it, at any level, or it fails. See also consistent-cut.test.ts. */
import { expect, it } from 'vitest'
import type { BackupEntry, BackupHeader, Coverage } from '../../../src/core/backup/backup-parts.ts'
import type { NodeService } from '../../../src/node/service/service.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { IDS, type Id, VirtualCluster, withCluster } from '../virtual-cluster.ts'

const HELD = 'a snapshot of the disk is held for a backup'
const RELEASED = 'the snapshot of the disk for a backup is released'

interface Made {
  readonly header: BackupHeader
  readonly entries: readonly BackupEntry[]
}

/** The whole backup, or the code of the error. `during` runs once its cut is reached. */
function backup(
  cluster: VirtualCluster,
  id: Id,
  options: {
    covers?: Coverage
    atMs?: number
    timeoutMs?: number
    buckets?: readonly string[]
  } = {},
  onCut: () => void = () => undefined,
  onEntry: (entry: BackupEntry) => Promise<unknown> = () => Promise.resolve(),
): Promise<Made | string> {
  const { covers = 'all', atMs, timeoutMs = 60_000, buckets } = options
  return cluster.ask(id, async (service: NodeService) => {
    const { header, entries, close } = await service.backup({
      buckets,
      covers,
      atMs,
      timeoutMs,
      isGivenUp: () => false,
    })
    onCut()
    const all: BackupEntry[] = []
    try {
      for await (const entry of entries) {
        all.push(entry)
        await onEntry(entry)
      }
    } finally {
      close()
    }
    return { header, entries: all }
  })
}

function valuesIn(made: Made | string): Record<string, string[]> {
  if (typeof made === 'string') throw new Error(made)
  const names = made.header.buckets.map(({ name }) => name)
  return Object.fromEntries(
    made.entries.map(({ bucket, key, values }) => [
      `${names[bucket] ?? ''}/${key}`,
      values.map(({ value }) => new TextDecoder().decode(value)).sort(),
    ]),
  )
}

it('backup: names a bucket as clients do, also one that was deleted and made again', () =>
  withCluster('made again', async (cluster) => {
    const common = { n: 3, consistency: 'quorum', durability: 'sync', ttlSeconds: null } as const
    const bucket = { name: 'drafts', mode: 'lww', ...common } as const
    for (const key of ['old', 'new']) {
      await cluster.ask('n1', (service) => service.createBucket(bucket, 10_000))
      const content = {
        value: new Uint8Array(1),
        contentType: '',
        tombstone: false,
        expiresAtMs: 0,
      }
      await cluster.ask('n1', (service) =>
        service.put({ bucket: 'drafts', key, requestId: 'test', content }),
      )
      if (key === 'new') break
      await cluster.ask('n1', (service) => service.deleteBucket('drafts', true, 10_000))
    }
    const made = await backup(cluster, 'n2', { buckets: ['drafts'] })
    expect(Object.keys(valuesIn(made))).toEqual(['drafts/new'])
  }))

it('backup: still has a bucket that is deleted after the cut', () =>
  withCluster('deleted meanwhile', async (cluster) => {
    const common = { n: 3, consistency: 'quorum', durability: 'sync', ttlSeconds: null } as const
    const content = { value: new Uint8Array(1), contentType: '', tombstone: false, expiresAtMs: 0 }
    const bucket = { name: 'early', mode: 'lww', ...common } as const
    await cluster.ask('n1', (service) => service.createBucket(bucket, 10_000))
    const keys = Array.from({ length: 100 }, (_, i) => `k${String(i).padStart(3, '0')}`)
    for (const key of keys) {
      const put = { bucket: 'early', key, requestId: 'test', content }
      await cluster.ask('n1', (service) => service.put(put))
    }
    await cluster.put('n1', 'kept', 'value')
    let isDeleted = false
    const made = await backup(cluster, 'n1', {}, () =>
      cluster.node('n2').call(
        (service) => service.deleteBucket('early', true, 10_000),
        () => {
          isDeleted = true
        },
      ),
    )
    expect(Object.keys(valuesIn(made))).toEqual([
      'default/kept',
      ...keys.map((key) => `early/${key}`),
    ])
    await cluster.until(() => isDeleted)
    expect(Object.keys(valuesIn(await backup(cluster, 'n1')))).toEqual(['default/kept'])
    expect(await backup(cluster, 'n1', { buckets: ['early'] })).toBe('bucket_unknown')
  }))

it('backup: has the values of every mode, and nothing that was deleted', () =>
  withCluster('modes', async (cluster) => {
    for (const [name, mode] of [
      ['visits', 'counter'],
      ['tags', 'set'],
    ] as const) {
      const bucket = {
        name,
        mode,
        n: 3,
        consistency: 'quorum',
        durability: 'sync',
        ttlSeconds: null,
      } as const
      expect(
        await cluster.ask('n1', (service) => service.createBucket(bucket, 10_000)),
      ).toMatchObject({ created: true })
    }
    const about = (bucket: string, key: string) => ({ bucket, key, requestId: 'test' })
    const content = (text: string) => ({
      value: new TextEncoder().encode(text),
      contentType: 'text/plain',
      tombstone: false,
      expiresAtMs: 0,
    })
    const write = async (request: (service: NodeService) => Promise<unknown>): Promise<void> => {
      expect(await cluster.ask('n2', request)).toBeTypeOf('object')
    }
    await write((service) => service.put({ ...about('latest', 'k'), content: content('lww') }))
    await write((service) => service.put({ ...about('strong', 'k'), content: content('agreed') }))
    for (const increment of [5, -7]) {
      const change = { type: 'counter', increment } as const
      await write((service) => service.update({ ...about('visits', 'k'), change }))
    }
    const named = { type: 'counter', increment: 1 } as const
    await write((service) =>
      service.update({ ...about('visits', 'k'), change: named, idempotencyKey: 'once' }),
    )
    const change = { type: 'set', add: ['red', 'blue'], remove: [] } as const
    await write((service) => service.update({ ...about('tags', 'k'), change }))
    await write((service) =>
      service.update({ ...about('tags', 'k'), change: { type: 'set', add: [], remove: ['red'] } }),
    )
    await cluster.put('n1', 'kept', 'value')
    await cluster.put('n1', 'deleted', 'value')
    await cluster.put('n1', 'deleted', undefined)
    await cluster.put('n1', 'expired', 'value', 'quorum', 1000)
    await cluster.put('n1', 'expires', 'value', 'quorum', 3_600_000)
    await cluster.pass(2)
    const made = await backup(cluster, 'n3')
    expect(valuesIn(made)).toEqual({
      'default/expires': ['value'],
      'default/kept': ['value'],
      'latest/k': ['lww'],
      'strong/k': ['agreed'],
      'tags/k': ['blue'],
      'visits/k': ['-1'],
    })
    const { entries } = made as Made
    expect(entries.map(({ isAfterCut }) => isAfterCut)).toEqual(entries.map(() => false))
    const [expires] = entries
    expect(expires?.values[0]?.expiresAtMs).toBeGreaterThan(cluster.node('n1').host.wallMs())
    const some = await backup(cluster, 'n1', { buckets: ['tags', 'latest'] })
    expect(valuesIn(some)).toEqual({ 'latest/k': ['lww'], 'tags/k': ['blue'] })
  }))

it('backup: keeps siblings', () =>
  withCluster('siblings', async (cluster) => {
    const heal = cluster.isolate('n3')
    await cluster.pass(3)
    await cluster.put('n1', 'k', 'here', 'eventual')
    await cluster.put('n3', 'k', 'there', 'eventual')
    heal()
    expect(valuesIn(await backup(cluster, 'n2'))).toEqual({ 'default/k': ['here', 'there'] })
  }))

it('backup: has a write that only one node had acknowledged, in whatever place it lay', () =>
  withCluster('one copy', async (cluster) => {
    for (const id of IDS) {
      const heal = cluster.isolate(id)
      await cluster.pass(3)
      for (let i = 0; i < 20; i++) {
        expect(await cluster.put(id, `${id} ${i}`, 'alone', 'eventual')).toBe('ok')
      }
      heal()
      const made = await backup(cluster, id === 'n1' ? 'n2' : 'n1')
      const keys = Array.from({ length: 20 }, (_, i) => `default/${id} ${i}`)
      expect(Object.keys(valuesIn(made))).toEqual(expect.arrayContaining(keys))
    }
  }))

it('backup: fails and names the member that may hold the only copy of a write', () =>
  withCluster('member away', async (cluster) => {
    await cluster.put('n1', 'old', 'value')
    const heal = cluster.isolate('n3')
    await cluster.pass(3)
    expect(await cluster.put('n3', 'alone', 'value', 'eventual')).toBe('ok')
    let message = ''
    const failed = await cluster.ask('n1', (service) =>
      service
        .backup({
          buckets: undefined,
          covers: 'all',
          atMs: undefined,
          timeoutMs: 30_000,
          isGivenUp: () => false,
        })
        .catch((error: unknown) => {
          message = String(error)
          throw error
        }),
    )
    expect(failed).toBe('quorum_unreachable')
    expect(message).toContain('n3 does not answer')
    const partial = await backup(cluster, 'n1', { covers: 'quorum' })
    expect(valuesIn(partial)).toEqual({ 'default/old': ['value'] })
    expect((partial as Made).header.covers).toBe('quorum')
    cluster.node('n3').crash('process')
    heal()
    expect(await backup(cluster, 'n1', { timeoutMs: 10_000 })).toBe('quorum_unreachable')
    cluster.node('n3').start()
    expect(Object.keys(valuesIn(await backup(cluster, 'n1')))).toEqual([
      'default/alone',
      'default/old',
    ])
  }))

it('backup: of an earlier time does without a lost member, and marks the keys that were written later', () =>
  withCluster('settled', async (cluster) => {
    await cluster.put('n1', 'a', 'old')
    await cluster.put('n1', 'b', 'old')
    const atMs = cluster.node('n1').host.wallMs()
    await cluster.pass(15)
    cluster.node('n3').crash('machine')
    await cluster.pass(3)
    await cluster.put('n2', 'b', 'new')
    const made = await backup(cluster, 'n1', { atMs })
    expect(valuesIn(made)).toEqual({ 'default/a': ['old'], 'default/b': ['new'] })
    expect((made as Made).header).toMatchObject({ covers: 'all', cutMs: atMs })
    expect((made as Made).entries.map(({ isAfterCut }) => isAfterCut)).toEqual([false, true])
    const nowMs = cluster.node('n1').host.wallMs()
    expect(await backup(cluster, 'n1', { atMs: nowMs, timeoutMs: 10_000 })).toBe(
      'quorum_unreachable',
    )
  }))

it('backup: waits for a cut that is near, and refuses one that is too far ahead', () =>
  withCluster('future', async (cluster) => {
    const nowMs = cluster.node('n1').host.wallMs()
    expect(await backup(cluster, 'n1', { atMs: nowMs + 3_600_000 })).toBe('deadline_passed')
    const made = await backup(cluster, 'n1', { atMs: nowMs + 10_000 })
    expect((made as Made).header.cutMs).toBeGreaterThan(nowMs + 10_000)
    expect((made as Made).header.cutMs).toBeLessThan(nowMs + 13_000)
  }))

it('backup: fails if a member restarts or stays out of reach before its snapshot is read', () =>
  withCluster('crash', async (cluster) => {
    const keys = Array.from({ length: 300 }, (_, i) => `k${String(i).padStart(3, '0')}`)
    for (const key of keys) expect(await cluster.put('n1', key, key)).toBe('ok')
    const restarted = await backup(cluster, 'n1', {}, () => {
      cluster.node('n2').crash('process')
      cluster.node('n2').start()
    })
    expect(restarted).toBe('quorum_unreachable')
    await cluster.until(() => cluster.node('n2').isUp)
    expect(Object.keys(valuesIn(await backup(cluster, 'n1'))).length).toBe(keys.length)
    let heal = (): void => undefined
    const healed = await backup(cluster, 'n1', {}, () => {
      heal = cluster.isolate('n1')
      cluster.schedule.after(4_000_000, heal)
    })
    expect(Object.keys(valuesIn(healed)).length).toBe(keys.length)
    expect(await backup(cluster, 'n1', {}, () => void cluster.isolate('n1'))).toBe(
      'quorum_unreachable',
    )
  }))

it('backup: leaves no snapshot behind, whether it ends, fails, or its node dies', () =>
  withCluster('released', async (cluster) => {
    const held = (): number => cluster.logged.filter((line) => line === HELD).length
    const released = (): number => cluster.logged.filter((line) => line === RELEASED).length
    await cluster.put('n1', 'k', 'value')
    await backup(cluster, 'n1')
    await cluster.pass(1)
    expect([held(), released()]).toEqual([3, 3])
    await backup(cluster, 'n1', {}, () => cluster.node('n1').crash('process'))
    await cluster.pass(35)
    expect([held(), released()]).toEqual([6, 6])
  }))

/** Five nodes, three copies: fallbacks keep hints. Every key is written once, so a backup has its value or misses it. */
it.each(['a', 'b'])(
  'backup: has every acknowledged write after a run of faults (seed %s)',
  async (seed) => {
    const ids: readonly Id[] = ['n1', 'n2', 'n3', 'n4', 'n5']
    const cluster = new VirtualCluster(`faults ${seed}`, ids)
    await cluster.start()
    await cluster.pass(2)
    const random = new SeededRandom(seed)
    const anyNode = (): Id => ids[random.below(ids.length)] as Id
    const acknowledged: string[] = []
    let mend = (): void => undefined
    for (let step = 0; step < 120; step++) {
      if (step % 15 === 0) {
        mend()
        const id = anyNode()
        if (random.below(2) === 0) mend = cluster.isolate(id)
        else {
          cluster.node(id).crash('machine')
          mend = () => cluster.node(id).start()
        }
        await cluster.pass(random.below(3))
      }
      const key = `k${String(step).padStart(3, '0')}`
      const level = random.below(3) === 0 ? 'quorum' : 'eventual'
      if ((await cluster.put(anyNode(), key, key, level)) === 'ok')
        acknowledged.push(`default/${key}`)
    }
    mend()
    await cluster.until(() => ids.every((id) => cluster.node(id).isUp))
    expect(acknowledged.length).toBeGreaterThan(60)
    const made = await backup(cluster, anyNode())
    expect(Object.keys(valuesIn(made))).toEqual(expect.arrayContaining(acknowledged))
    expect(cluster.broken).toEqual([])
  },
)

it('backup: has a write that only a fallback holds, although its maker reaches all members', async () => {
  const ids: readonly Id[] = ['n1', 'n2', 'n3', 'n4', 'n5']
  const cluster = new VirtualCluster('only a fallback', ids)
  await cluster.start()
  await cluster.pass(2)
  for (const id of ['n1', 'n2', 'n3'] as const) {
    cluster.wires.cut(id, 'n4', 'mute')
    cluster.wires.cut('n4', id, 'mute')
  }
  await cluster.pass(3)
  const keys = Array.from({ length: 60 }, (_, i) => `k${String(i).padStart(2, '0')}`)
  for (const key of keys) expect(await cluster.put('n4', key, key, 'eventual')).toBe('ok')
  expect(Object.keys(valuesIn(await backup(cluster, 'n5')))).toEqual(
    keys.map((key) => `default/${key}`),
  )
  const partial = await backup(cluster, 'n1', { covers: 'quorum' })
  expect(typeof partial).toBe('object')
  expect(await backup(cluster, 'n1', { timeoutMs: 10_000 })).toBe('quorum_unreachable')
  expect(cluster.broken).toEqual([])
})

it('backup: of a majority has a bucket that its node has not heard of', () =>
  withCluster('unheard bucket', async (cluster) => {
    const undo = cluster.isolate('n1')
    await cluster.pass(5)
    const common = { n: 3, consistency: 'quorum', durability: 'sync', ttlSeconds: null } as const
    const bucket = { name: 'carts', mode: 'lww', ...common } as const
    expect(
      await cluster.ask('n2', (service) => service.createBucket(bucket, 20_000)),
    ).toMatchObject({ created: true })
    const content = { value: new Uint8Array(1), contentType: '', tombstone: false, expiresAtMs: 0 }
    const put = { bucket: 'carts', key: 'k', requestId: 'test', content }
    expect(await cluster.ask('n2', (service) => service.put(put))).toBeTypeOf('object')
    cluster.schedule.after(3_000_000, undo)
    const made = await backup(cluster, 'n1', { covers: 'quorum' })
    expect(Object.keys(valuesIn(made))).toEqual(['carts/k'])
  }))

it('backup: waits for its cut only as long as somebody waits for the backup', () =>
  withCluster('given up', async (cluster) => {
    cluster.isolate('n3')
    await cluster.pass(5)
    const givenUpUs = cluster.schedule.nowUs + 10_000_000
    const asked = {
      buckets: undefined,
      covers: 'all',
      atMs: undefined,
      timeoutMs: 600_000,
    } as const
    const isGivenUp = (): boolean => cluster.schedule.nowUs > givenUpUs
    const ended = await cluster.ask('n1', (service) => service.backup({ ...asked, isGivenUp }))
    expect(ended).toBe('not_ready')
    expect(cluster.schedule.nowUs).toBeLessThan(givenUpUs + 2_000_000)
  }))
