/**
 * Clocks that are wrong. All wrong together and then right: the hybrid clocks cannot go back, all members agree, and
 * the cluster goes on. One wrong alone: nobody follows it.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Id, IDS, VirtualCluster } from './virtual-cluster.ts'

const AHEAD_MS = 30 * 60_000

let cluster: VirtualCluster
beforeEach(async () => {
  cluster = new VirtualCluster('common time')
  await cluster.start()
})
afterEach(() => {
  expect(cluster.broken).toEqual([])
})

function jump(ids: readonly Id[], ms: number): void {
  for (const id of ids) cluster.node(id).host.jump(ms)
}

/** All clocks are wrong for some seconds, in which a key is written through each node. */
async function wrongTogether(ms: number): Promise<void> {
  jump(IDS, ms)
  await cluster.pass(3)
  for (const id of IDS) expect(await cluster.put(id, `wrong-${id}`, 'v')).toBe('ok')
  jump(IDS, -ms)
  await cluster.pass(1)
}

async function restart(id: Id): Promise<void> {
  cluster.node(id).crash('process')
  cluster.node(id).start()
  await cluster.until(() => cluster.node(id).isUp)
}

async function expectWrites(key: string): Promise<void> {
  for (const id of IDS) {
    expect(await cluster.put(id, `${key}-${id}`, 'new', 'all')).toBe('ok')
    expect(await cluster.get(id, `wrong-${id}`)).toEqual(['v'])
  }
}

async function verdict(id: Id): Promise<string> {
  const status = await cluster.ask(id, (service) => service.status())
  return typeof status === 'string' ? status : status.verdict
}

describe('clocks that were all wrong together', () => {
  it('leave a cluster that writes, when they are right again', async () => {
    await wrongTogether(AHEAD_MS)
    await expectWrites('k')
    expect(await verdict('n1')).toContain('agree on a time that is 18')
  })

  it('leave a cluster that writes after it was started anew', async () => {
    await wrongTogether(AHEAD_MS)
    for (const id of IDS) cluster.node(id).crash('process')
    for (const id of IDS) cluster.node(id).start()
    await cluster.until(() => IDS.every((id) => cluster.node(id).isUp))
    await cluster.pass(3)
    await expectWrites('k')
  })

  it('do not keep a node out that was away meanwhile, or has lost its directory', async () => {
    cluster.node('n3').crash('process')
    jump(IDS, AHEAD_MS)
    await cluster.pass(3)
    for (const id of IDS) expect(await cluster.put('n1', `wrong-${id}`, 'v')).toBe('ok')
    jump(IDS, -AHEAD_MS)
    cluster.node('n3').start()
    await cluster.until(() => cluster.node('n3').isUp)
    await cluster.converged()
    await expectWrites('k')
    cluster.node('n2').crash('machine')
    cluster.node('n2').platter.wipe()
    await restart('n2')
    await cluster.converged()
    await expectWrites('later')
  })

  it('do not keep a node out that has lost its directory, and knows the members of long ago', async () => {
    const all = [...IDS, 'n4'] as const
    cluster = new VirtualCluster('members of long ago', all)
    await cluster.start()
    jump(all, AHEAD_MS)
    await cluster.pass(3)
    for (const id of IDS) expect(await cluster.put(id, `wrong-${id}`, 'v')).toBe('ok')
    jump(all, -AHEAD_MS)
    cluster.node('n4').crash('process')
    await cluster.ask('n1', (service) => service.applyChange({ kind: 'remove', node: 'n4' }, 5000))
    await cluster.until(() => {
      const topology = cluster.node('n1').service?.topology()
      return topology?.change === undefined && topology?.members.length === 3
    })
    cluster.node('n2').crash('machine')
    cluster.node('n2').platter.wipe()
    // By its settings there are four members, and a majority is one more than the two that it hears.
    await restart('n2')
    await cluster.converged()
    await expectWrites('later')
  })

  it('let a node that is alone with one other start again: it keeps the time that was agreed on', async () => {
    await wrongTogether(AHEAD_MS)
    cluster.node('n3').crash('process')
    await cluster.pass(60)
    await restart('n2')
    await cluster.pass(2)
    expect(await cluster.put('n1', 'k', 'new')).toBe('ok')
    expect(await cluster.put('n2', 'k', 'newer')).toBe('ok')
  })

  it('do not change how long a value lives that is written afterwards', async () => {
    await wrongTogether(AHEAD_MS)
    const lives = async (seconds: number): Promise<string[] | string> => {
      await cluster.pass(seconds)
      return cluster.get('n2', 'brief')
    }
    const content = { value: new TextEncoder().encode('v'), contentType: 'a/b', tombstone: false }
    const written = await cluster.ask('n1', (service) => {
      const expiresAtMs = Math.floor(service.nowMs()) + 20_000
      const asked = { bucket: 'default', key: 'brief', requestId: 'test', context: undefined }
      return service.put({ ...asked, content: { ...content, expiresAtMs } })
    })
    expect(written).toMatchObject({ durable: true })
    expect(await lives(18)).toEqual(['v'])
    expect(await lives(4)).toEqual([])
  })

  it('do not add up: clocks that were slow go on in the right time once they are right', async () => {
    await wrongTogether(-AHEAD_MS)
    await expectWrites('k')
    for (const id of IDS) {
      const status = await cluster.ask(id, (service) => Promise.resolve(service.nowMs()))
      expect(Math.abs((status as number) - cluster.node(id).host.wallMs())).toBeLessThan(1000)
    }
  })
})

describe('one clock that is wrong', () => {
  it('is followed by nobody, and takes no writes until a time that it tells', async () => {
    jump(['n3'], AHEAD_MS)
    await cluster.pass(3)
    expect(await cluster.put('n1', 'k', 'v')).toBe('ok')
    expect(await cluster.put('n3', 'alone', 'v', 'eventual')).toBe('ok')
    jump(['n3'], -AHEAD_MS)
    await cluster.pass(3)
    expect(await cluster.put('n1', 'k', 'v')).toBe('ok')
    const refused = await cluster.ask('n3', async (service) => {
      const content = {
        value: new Uint8Array(1),
        contentType: '',
        tombstone: false,
        expiresAtMs: 0,
      }
      const asked = { bucket: 'default', key: 'k', requestId: 'test', context: undefined }
      try {
        await service.put({ ...asked, level: 'eventual', content })
        return undefined
      } catch (error) {
        return error
      }
    })
    const retryAfterSeconds = (AHEAD_MS - 500) / 1000
    expect(refused).toMatchObject({ code: 'clock_drift' })
    const { details } = refused as unknown as { details: { retryAfterSeconds: number } }
    expect(Math.abs(details.retryAfterSeconds - retryAfterSeconds)).toBeLessThan(10)
    expect(await verdict('n3')).toMatch(
      /takes no writes for another 1\d{3} s\..*delete its data directory/,
    )
    for (const id of ['n1', 'n2'] as const) {
      const nowMs = await cluster.ask(id, (service) => Promise.resolve(service.nowMs()))
      expect((nowMs as number) - cluster.node(id).host.wallMs()).toBeLessThan(1000)
    }
  })

  it('does not take the others along step by step, each within the drift that is allowed', async () => {
    jump(['n2'], 200)
    for (let step = 1; step <= 30; step++) {
      jump(['n3'], 100)
      await cluster.pass(1)
      await cluster.put('n2', 'k', 'v')
    }
    for (const id of ['n1', 'n2'] as const) {
      const nowMs = await cluster.ask(id, (service) => Promise.resolve(service.nowMs()))
      expect((nowMs as number) - cluster.node(id).host.wallMs()).toBeLessThan(1000)
    }
  })

  it('does not count twice where it was slow, and is set right while its node is down', async () => {
    jump(['n3'], -AHEAD_MS)
    await cluster.pass(3)
    expect(await cluster.put('n3', 'k', 'v', 'all')).toBe('ok')
    await cluster.pass(3)
    cluster.node('n3').crash('process')
    jump(['n3'], AHEAD_MS)
    for (const value of ['newer', 'newest']) {
      cluster.node('n3').start()
      await cluster.until(() => cluster.node('n3').isUp)
      await cluster.pass(5)
      expect(await cluster.put('n3', 'k', value, 'all')).toBe('ok')
      cluster.node('n3').crash('process')
    }
  })

  it('is back at once with an empty data directory', async () => {
    jump(['n3'], AHEAD_MS)
    await cluster.pass(3)
    jump(['n3'], -AHEAD_MS)
    cluster.node('n3').crash('machine')
    cluster.node('n3').platter.wipe()
    await restart('n3')
    await cluster.converged()
    expect(await cluster.put('n3', 'k', 'v', 'all')).toBe('ok')
  })
})
