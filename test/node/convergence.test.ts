import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Bucket } from '../../src/core/placement/topology.ts'
import { type Id, IDS, VirtualCluster } from './virtual-cluster.ts'

const KEYS = Array.from({ length: 40 }, (_, i) => `k${i}`)

let cluster: VirtualCluster
beforeEach(async () => {
  cluster = new VirtualCluster('convergence')
  await cluster.start()
})
afterEach(() => {
  expect(cluster.broken).toEqual([])
})

async function putAll(value: string | undefined): Promise<void> {
  for (const key of KEYS) expect(await cluster.put('n1', key, value)).toBe('ok')
}

/** The hints of whoever keeps some are gone, as if nobody ever kept them. */
function dropHints(): void {
  for (const id of IDS) {
    const { platter } = cluster.node(id)
    cluster.node(id).crash('process')
    const kept = [...platter.copy()].filter(([key]) => !key.startsWith('h/'))
    platter.restore(new Map(kept))
    cluster.node(id).start()
  }
}

async function keysOwnedBy(owner: Id, bucket: string, count: number): Promise<string[]> {
  const owned: string[] = []
  for (let i = 0; owned.length < count; i++) {
    const ring = await cluster.ask('n1', (service) => service.ring(bucket, `k${i}`))
    if (typeof ring !== 'string' && ring.preference[0]?.node === owner) owned.push(`k${i}`)
  }
  return owned
}

function sameRecords(): boolean {
  const [first, ...others] = IDS.map((id) => {
    const { platter } = cluster.node(id)
    const records = cluster.keysUnder(id, 'd/').map((key) => [key, platter.get(key)?.toString()])
    return JSON.stringify(records)
  })
  return others.every((records) => records === first)
}

describe('convergence', () => {
  it('tells how many keys differ, and who cannot be asked; and both hold no more once they are equal', async () => {
    await putAll('old')
    const heal = cluster.isolate('n3')
    await cluster.until(() => !cluster.wires.isOpen('n1', 'n3') || cluster.schedule.nowUs > 20e6)
    for (const key of KEYS.slice(0, 7)) await cluster.put('n1', key, 'new')
    expect(await cluster.convergence('n1')).toMatchObject({
      converged: false,
      unreachable: ['n3'],
    })
    dropHints()
    heal()
    await cluster.until(() => IDS.every((id) => cluster.node(id).isUp))
    await cluster.converged()
    expect(await cluster.convergence('n2')).toEqual({
      converged: true,
      differing: 0,
      isExact: true,
      unreachable: [],
      underWay: { hints: 0, writes: 0, exchanges: 0 },
    })
    expect(sameRecords()).toBe(true)
    expect(await cluster.get('n3', 'k3', 'weak')).toEqual(['new'])
    expect(await cluster.get('n3', 'k30', 'weak')).toEqual(['old'])
  })

  it('is not told while the only copy of a write is a hint for its owner', async () => {
    const bucket: Bucket = {
      name: 'single',
      mode: 'siblings',
      n: 1,
      consistency: 'eventual',
      durability: 'sync',
      ttlSeconds: null,
    }
    await cluster.ask('n1', (service) => service.createBucket(bucket, 2000))
    const owned = await keysOwnedBy('n2', bucket.name, 20)
    const heal = cluster.isolate('n2')
    await cluster.until(() => !cluster.wires.isOpen('n1', 'n2') || cluster.schedule.nowUs > 20e6)
    const value = new TextEncoder().encode('v')
    const content = { value, contentType: 'text/plain', tombstone: false, expiresAtMs: 0 }
    for (const key of owned) {
      const write = { bucket: bucket.name, key, content, context: undefined, requestId: key }
      const answer = await cluster.ask('n1', (service) => service.put(write))
      expect(answer).toMatchObject({ durable: true })
    }
    heal()
    const held = (): number => cluster.keysUnder('n2', 'd/').length
    let early = 0
    for (let looks = 0; ; looks++) {
      expect(looks).toBeLessThan(10_000)
      const answer = await cluster.convergence('n3')
      if (answer.converged) break
      if (answer.unreachable.length === 0 && answer.differing === 0) early++
      await cluster.pass(0.01)
    }
    expect(held()).toBe(owned.length)
    // The trees of the owners were the same before: the hints alone told that something was missing.
    expect(early).toBeGreaterThan(0)
  })

  it('exchanges no key for deletes that the owners collect at their own times', async () => {
    await putAll('value')
    await putAll(undefined)
    await cluster.converged()
    cluster.counted.clear()
    await cluster.until(() => IDS.every((id) => cluster.keysUnder(id, 'd/').length === 0))
    await cluster.pass(3)
    expect(cluster.counted.get('anti_entropy_rounds_total')).toBeGreaterThan(0)
    expect(cluster.counted.has('anti_entropy_keys_total')).toBe(false)
  })

  it('forgets deletes once everybody has them, and not while one is away', async () => {
    await putAll('value')
    const heal = cluster.isolate('n3')
    await cluster.pass(10)
    await putAll(undefined)
    await cluster.pass(60)
    expect(cluster.keysUnder('n1', 'd/')).toHaveLength(KEYS.length)
    heal()
    await cluster.until(() => IDS.every((id) => cluster.keysUnder(id, 'd/').length === 0))
    for (const id of IDS) {
      expect(cluster.keysUnder(id, 'i/')).toEqual([])
      expect(await cluster.get(id, 'k1', 'quorum')).toEqual([])
    }
  })

  it('tells no difference while owners forget settled deletes at their own times', async () => {
    await putAll('value')
    await putAll(undefined)
    await cluster.converged()
    const graves = () => IDS.map((id) => cluster.keysUnder(id, 'g/').length)
    let looks = 0
    while (graves().some((count) => count > 0)) {
      expect(await cluster.convergence('n3')).toMatchObject({ converged: true, differing: 0 })
      looks++
      await cluster.pass(0.0007)
    }
    expect(looks).toBeGreaterThan(0)
  })

  it('forgets values that have expired', async () => {
    expect(await cluster.put('n1', 'brief', 'value', 'all', 2000)).toBe('ok')
    expect(await cluster.get('n2', 'brief')).toEqual(['value'])
    await cluster.until(() => IDS.every((id) => cluster.keysUnder(id, 'd/').length === 0))
    expect(await cluster.get('n2', 'brief')).toEqual([])
  })

  it('does not let an old copy of a directory bring a delete back', async () => {
    await putAll('value')
    const backup = cluster.node('n3').platter.copy()
    await cluster.pass(5)
    await putAll(undefined)
    await cluster.until(() => IDS.every((id) => cluster.keysUnder(id, 'd/').length === 0))
    cluster.node('n3').crash('machine')
    cluster.node('n3').platter.restore(backup)
    cluster.node('n3').start()
    await cluster.until(() => cluster.node('n3').isUp)
    await cluster.converged()
    for (const id of IDS) expect(await cluster.get(id, 'k5', 'quorum')).toEqual([])
    expect(sameRecords()).toBe(true)
  })

  it('finds a damaged record, and replaces it from the other owners', async () => {
    await putAll('value')
    await cluster.converged()
    const { platter } = cluster.node('n2')
    expect(platter.rot((key) => /^d.*k8$/.test(key))).toMatch(/^d\/.*\/k8$/)
    cluster.node('n2').crash('process')
    cluster.node('n2').start()
    await cluster.until(() => cluster.node('n2').isUp && sameRecords())
    await cluster.converged()
    expect(await cluster.get('n2', 'k8', 'weak')).toEqual(['value'])
    expect(cluster.keysUnder('n2', 'x/')).toHaveLength(1)
  })
})

describe('a node that has lost its data directory', () => {
  async function lose(): Promise<string[]> {
    await putAll('value')
    const actors = cluster.keysUnder('n1', 'd/')
    cluster.node('n1').crash('machine')
    cluster.node('n1').platter.wipe()
    return actors
  }

  it('is filled before it is read, and then holds the same', async () => {
    const held = await lose()
    cluster.node('n1').start()
    await cluster.until(() => cluster.node('n1').isUp)
    await cluster.converged()
    expect(cluster.keysUnder('n1', 'd/')).toEqual(held)
    expect(sameRecords()).toBe(true)
    expect(await cluster.get('n1', 'k9', 'weak')).toEqual(['value'])
  })

  it('counts in no quorum while a peer is missing, not after a crash either', async () => {
    await lose()
    const heal = cluster.isolate('n3')
    cluster.node('n1').start()
    await cluster.until(() => cluster.node('n1').isUp)
    expect(await cluster.get('n2', 'k9')).toMatch(/^(?:quorum_unreachable|deadline_passed)$/)
    // Everything is there by now, as far as n2 knows; but not what n3 alone may have.
    await cluster.pass(20)
    cluster.node('n1').crash('machine')
    cluster.node('n1').start()
    await cluster.until(() => cluster.node('n1').isUp)
    expect(await cluster.get('n2', 'k9')).toMatch(/^(?:quorum_unreachable|deadline_passed)$/)
    heal()
    await cluster.converged()
    await cluster.pass(5)
    expect(await cluster.get('n2', 'k9')).toEqual(['value'])
  })

  it('does not serve at all before a majority has said what it knows', async () => {
    await lose()
    const heals = [cluster.isolate('n1')]
    cluster.node('n1').start()
    await cluster.pass(60)
    expect(cluster.node('n1').isUp).toBe(false)
    for (const heal of heals) heal()
    await cluster.until(() => cluster.node('n1').isUp)
  })
})

describe('a disk that refuses writes for a while', () => {
  it('leaves records, index and trees as they should be', async () => {
    await putAll('old')
    cluster.node('n2').platter.failPercent = 60
    for (const key of KEYS) await cluster.put('n1', key, 'new', 'eventual')
    await cluster.pass(5)
    cluster.node('n2').platter.failPercent = 0
    await cluster.converged()
    expect(sameRecords()).toBe(true)
    expect(cluster.keysUnder('n2', 'i/')).toHaveLength(KEYS.length)
  })
})
