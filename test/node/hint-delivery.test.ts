import { describe, expect, it } from 'vitest'

import { VirtualCluster } from './virtual-cluster.ts'

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

function timesIn(frame: Uint8Array, word: string): number {
  return new TextDecoder('latin1').decode(frame).split(word).length - 1
}
