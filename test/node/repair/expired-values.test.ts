/**
 * Expired values while a member is away: nothing is forgotten then, but no owner keeps their bytes. Three owners on
 * virtual time.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VERSIONS } from '../../../src/core/protocol-versions.ts'
import type { PlainLevel } from '../../../src/core/quorum/level.ts'
import { type Id, IDS, VirtualCluster } from '../virtual-cluster.ts'

const KEYS = 20
const LARGE = 'x'.repeat(10_000)
/** A shrunk record, and whatever lies beside it. */
const SMALL_BYTES = 1000

let cluster: VirtualCluster
beforeEach(async () => {
  cluster = new VirtualCluster('expired values')
  await cluster.start()
  await cluster.pass(3)
})
afterEach(() => expect(cluster.broken).toEqual([]))

const bytesUnder = (id: Id, prefix: string): number =>
  cluster
    .keysUnder(id, prefix)
    .reduce((sum, key) => sum + (cluster.node(id).platter.get(key)?.length ?? 0), 0)

async function putExpiring(level: PlainLevel, ttlMs: number): Promise<void> {
  for (let i = 0; i < KEYS; i++) {
    expect(await cluster.put(i % 2 === 0 ? 'n1' : 'n2', `s${i}`, LARGE, level, ttlMs)).toBe('ok')
  }
}

async function comeBack(id: Id): Promise<void> {
  cluster.node(id).start()
  await cluster.until(() => cluster.node(id).isUp)
}

describe('an expired value', () => {
  it('gives up its bytes at every owner, and in the hints, while a member is away', async () => {
    cluster.node('n3').crash('process')
    await cluster.pass(5)
    await putExpiring('quorum', 5000)
    for (const id of ['n1', 'n2'] as const) {
      expect(bytesUnder(id, 'd/')).toBeGreaterThan(KEYS * LARGE.length)
    }
    const hintBytes = bytesUnder('n1', 'h/') + bytesUnder('n2', 'h/')
    expect(hintBytes).toBeGreaterThan((KEYS / 2) * LARGE.length)
    await cluster.pass(90)
    for (const id of ['n1', 'n2'] as const) {
      // Its dot is still there: the member that is away may bring what it replaced.
      expect(cluster.keysUnder(id, 'd/')).toHaveLength(KEYS)
      for (const prefix of ['d/', 'h/', 'k/']) {
        expect(bytesUnder(id, prefix)).toBeLessThan(KEYS * SMALL_BYTES)
      }
    }
    const whole = await cluster.convergence('n1')
    expect(whole.differing).toBe(0)
    await comeBack('n3')
    await cluster.converged()
    for (const id of IDS) expect(await cluster.get(id, 's0', 'all')).toEqual([])
    // All owners have it: now it is forgotten.
    await cluster.until(() => IDS.every((id) => cluster.keysUnder(id, 'd/').length === 0))
  })

  it('does not come back with a member that has it whole', async () => {
    await putExpiring('all', 20_000)
    cluster.node('n3').crash('process')
    await cluster.pass(120)
    for (const id of ['n1', 'n2'] as const) {
      expect(bytesUnder(id, 'd/')).toBeLessThan(KEYS * SMALL_BYTES)
    }
    expect(bytesUnder('n3', 'd/')).toBeGreaterThan(KEYS * LARGE.length)
    await comeBack('n3')
    await cluster.converged()
    for (const id of IDS) expect(bytesUnder(id, 'd/')).toBeLessThan(KEYS * SMALL_BYTES)
    for (const id of IDS) expect(await cluster.get(id, 's0', 'eventual')).toEqual([])
  })

  it('leaves alone a concurrent value that stays', async () => {
    const heal = cluster.isolate('n1')
    await cluster.pass(3)
    expect(await cluster.put('n1', 'k', LARGE, 'eventual', 5000)).toBe('ok')
    expect(await cluster.put('n2', 'k', 'stays', 'quorum')).toBe('ok')
    heal()
    await cluster.converged()
    cluster.node('n3').crash('process')
    await cluster.pass(90)
    for (const id of ['n1', 'n2'] as const) {
      expect(await cluster.get(id, 'k', 'eventual')).toEqual(['stays'])
      expect(bytesUnder(id, 'd/')).toBeLessThan(SMALL_BYTES)
    }
    await comeBack('n3')
    await cluster.converged()
    expect(await cluster.get('n3', 'k', 'all')).toEqual(['stays'])
  })

  it('is not destroyed by one wrong clock', async () => {
    const hourMs = 3_600_000
    expect(await cluster.put('n1', 'k', LARGE, 'all', hourMs / 2)).toBe('ok')
    cluster.node('n2').host.jump(hourMs)
    await cluster.pass(60)
    // Wherever it could count twice: while it is ahead, when it is right again, and after a restart.
    cluster.node('n2').host.jump(-hourMs)
    await cluster.pass(60)
    cluster.node('n2').crash('process')
    await comeBack('n2')
    await cluster.pass(60)
    for (const id of IDS) expect(bytesUnder(id, 'd/')).toBeGreaterThan(LARGE.length)
    for (const id of ['n1', 'n3'] as const) {
      expect((await cluster.get(id, 'k'))[0]?.length).toBe(LARGE.length)
    }
  })

  it('stays whole while a member may speak the version that knows no shrunk ones', async () => {
    cluster.node('n3').crash('process')
    cluster.node('n3').protocol = VERSIONS.oldest
    await comeBack('n3')
    await cluster.pass(5)
    cluster.node('n3').crash('process')
    await cluster.pass(5)
    await putExpiring('quorum', 5000)
    await cluster.pass(90)
    expect(bytesUnder('n1', 'd/')).toBeGreaterThan(KEYS * LARGE.length)
    cluster.node('n3').protocol = VERSIONS.newest
    await comeBack('n3')
    await cluster.until(() => bytesUnder('n1', 'd/') < KEYS * SMALL_BYTES)
  })
})
