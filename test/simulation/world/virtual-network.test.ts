import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { VirtualNetwork } from '../../../src/simulation/world/virtual-network.ts'
import { type CutKind, Wires } from '../../../src/simulation/world/wires.ts'
import { networkConformance, opened } from '../../conformance/network.ts'
import { runningSchedule } from './virtual-time.ts'

const IDS = ['a', 'b', 'c']
const schedule = runningSchedule()

networkConformance('the simulated network', () => {
  let wires: Wires | undefined
  return {
    start: async (id, listener, newest) => {
      wires ??= new Wires(schedule(), new SeededRandom('wires'))
      const network = new VirtualNetwork(new Host(id, 0, schedule()), wires, newest)
      network.onFrame(listener)
      network.setPeers(IDS.map((peer) => ({ id: peer, url: `sim://${peer}` })))
      await network.start()
      return network
    },
    urlOf: async (id) => `sim://${id}`,
    dispose: async () => undefined,
  }
})

describe('the simulated network under faults', () => {
  async function pair(): Promise<{
    wires: Wires
    a: VirtualNetwork
    got: string[]
    wait: () => Promise<void>
  }> {
    const wires = new Wires(schedule(), new SeededRandom('pair'))
    const got: string[] = []
    const make = async (id: string): Promise<VirtualNetwork> => {
      const network = new VirtualNetwork(new Host(id, 0, schedule()), wires)
      network.onFrame((_from, _channel, frame) => got.push(new TextDecoder().decode(frame)))
      network.setPeers(['a', 'b'].map((peer) => ({ id: peer, url: `sim://${peer}` })))
      await network.start()
      return network
    }
    const a = await make('a')
    await make('b')
    await opened(a, 'b')
    const wait = (): Promise<void> =>
      new Promise((resolve) => void schedule().after(1_000_000, resolve))
    return { wires, a, got, wait }
  }
  const frame = (text: string): Uint8Array => new TextEncoder().encode(text)

  it.each([
    ['mute', []],
    ['hold', ['during']],
  ] as [CutKind, string[]][])('a cut of kind %s is not told', async (kind, late) => {
    const { wires, a, got, wait } = await pair()
    const cut = wires.cut('a', 'b', kind)
    expect(a.send('b', 'ask', frame('during'))).toBe(true)
    await wait()
    expect(a.isOpen('b')).toBe(true)
    expect(got).toEqual([])
    cut.undo()
    await wait()
    expect(got).toEqual(late)
    a.send('b', 'ask', frame('after'))
    await wait()
    expect(got).toEqual([...late, 'after'])
  })

  it('routes a dialled id to one of the two processes that have it', async () => {
    const wires = new Wires(schedule(), new SeededRandom('twin'))
    const got: string[] = []
    const make = async (id: string, address = id): Promise<VirtualNetwork> => {
      const network = new VirtualNetwork(new Host(id, 0, schedule()), wires, undefined, address)
      network.onFrame((from, _channel, sent) =>
        got.push(`${address} has ${new TextDecoder().decode(sent)} of ${from}`),
      )
      network.setPeers(['a', 'b'].map((peer) => ({ id: peer, url: `sim://${peer}` })))
      await network.start()
      return network
    }
    const wait = (): Promise<void> =>
      new Promise((resolve) => void schedule().after(2_000_000, resolve))
    const [a, first] = [await make('a'), await make('b')]
    await opened(a, 'b')
    a.send('b', 'ask', frame('one'))
    await wait()
    wires.route('a', 'b', 'b.1')
    const cuts = [wires.cut('a', 'b', 'reset'), wires.cut('b', 'a', 'reset')]
    await wait()
    expect([a.isLinked('b'), first.isLinked('a')]).toEqual([false, false])
    const second = await make('b', 'b.1')
    await opened(a, 'b')
    a.send('b', 'ask', frame('two'))
    second.send('a', 'answer', frame('three'))
    await wait()
    expect(got[0]).toBe('b has one of a')
    expect(new Set(got.slice(1))).toEqual(new Set(['b.1 has two of a', 'a has three of b']))
    for (const cut of cuts) cut.undo()
  })

  it('a cut of kind reset closes the link, which comes back after it', async () => {
    const { wires, a, got, wait } = await pair()
    a.send('b', 'ask', frame('on its way'))
    const cut = wires.cut('a', 'b', 'reset')
    await wait()
    expect(a.isOpen('b')).toBe(false)
    cut.undo()
    await wait()
    expect(a.isOpen('b')).toBe(true)
    expect(got).toEqual([])
  })

  it('loses, duplicates and reorders frames on request', async () => {
    const { wires, a, got, wait } = await pair()
    wires.faults.lossPercent = 100
    a.send('b', 'ask', frame('lost'))
    wires.faults.lossPercent = 0
    wires.faults.duplicatePercent = 100
    a.send('b', 'ask', frame('twice'))
    wires.faults.duplicatePercent = 0
    await wait()
    expect(got).toEqual(['twice', 'twice'])
    wires.faults.reorderPercent = 50
    for (let i = 0; i < 50; i++) a.send('b', 'ask', frame(`${i}`))
    await wait()
    const numbers = got.slice(2).map(Number)
    expect(numbers).toHaveLength(50)
    expect(numbers).not.toEqual([...numbers].sort((x, y) => x - y))
  })
})
