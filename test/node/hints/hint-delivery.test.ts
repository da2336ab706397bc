import { describe, expect, it } from 'vitest'
import { HINT_COST_BYTES } from '../../../src/node/hints/hint-store.ts'
import { IDS, VirtualCluster } from '../virtual-cluster.ts'

describe('the delivery of hints', () => {
  it('does not send them without a pause while the disk that keeps them is full', async () => {
    const cluster = new VirtualCluster('full')
    await cluster.start()
    const heal = cluster.isolate('n3')
    for (let i = 0; i < 20; i++) {
      expect(await cluster.put('n1', `k${i}`, 'value', 'eventual')).toBe('ok')
    }
    await cluster.until(() => cluster.keysUnder('n1', 'h/n3/').length === 20)

    cluster.node('n1').platter.isFull = true
    let applied = 0
    cluster.wires.onFrame = ({ from, to, channel, frame }) => {
      if (from === 'n1' && to === 'n3' && channel === 'ask') {
        applied += timesIn(frame, 'apply')
      }
    }
    heal()
    await cluster.pass(10)
    expect(applied).toBeGreaterThanOrEqual(20)
    // Once each for each look, of which there are two a second; the storm was of thousands.
    expect(applied).toBeLessThanOrEqual(20 * 20)

    cluster.node('n1').platter.isFull = false
    await cluster.until(() => cluster.keysUnder('n1', 'h/').length === 0)
    expect(cluster.broken).toEqual([])
  })
})

describe('the bound of hints', () => {
  it('bounds the number of small ones, refuses no write, and anti-entropy brings the rest', async () => {
    const bytesMax = 100_000
    const cluster = new VirtualCluster('many', IDS, bytesMax)
    await cluster.start()
    const heal = cluster.isolate('n3')
    await cluster.pass(3)
    // More than there is room for, whose records together are below the bound.
    const most = Math.floor(bytesMax / HINT_COST_BYTES)
    const keys = 3 * most
    for (let i = 0; i < keys; i++) {
      expect(await cluster.put('n1', `k${i}`, 'v', 'quorum')).toBe('ok')
    }
    const kept = cluster.keysUnder('n1', 'h/n3/')
    const bytes = kept.reduce(
      (sum, key) => sum + (cluster.node('n1').platter.get(key)?.length ?? 0),
      0,
    )
    expect(kept.length).toBeGreaterThan(most / 2)
    expect(bytes + kept.length * HINT_COST_BYTES).toBeLessThanOrEqual(bytesMax)
    heal()
    await cluster.converged()
    expect(cluster.keysUnder('n3', 'd/')).toHaveLength(keys)
    expect(cluster.broken).toEqual([])
  })
})

function timesIn(frame: Uint8Array, word: string): number {
  return new TextDecoder('latin1').decode(frame).split(word).length - 1
}
