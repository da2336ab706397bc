/** What nodes of two versions of the protocol say to each other. */
import { describe, expect, it } from 'vitest'
import { firstTopology } from '../../src/core/placement/first-topology.ts'
import type { Topology } from '../../src/core/placement/topology.ts'
import { type Ask, encodeFrame, parseFrame } from '../../src/node/messages.ts'
import { askFor, askFrom, oldestSpoken, whyNoChange } from '../../src/node/wire-version.ts'

const BALLOT = [17, 'n1']
const now: Ask = [1, 'register-prepare', 5, 'strong', 'k', 1, BALLOT]
const before: Ask = [1, 'register-prepare', 5, 'strong', 'k', BALLOT]
const put: Ask = [1, 'apply', 5, 'default', 'k', new Uint8Array([1]), 0]

describe('an ask', () => {
  it('has no generation where a node of version 1 gets it, and that of the first document where one sends it', () => {
    expect(askFor(1, now, 1)).toEqual(before)
    expect(askFrom(1, before, 1)).toEqual(now)
    expect(askFor(1, put, 1)).toBe(put)
    expect(askFrom(1, put, 1)).toBe(put)
  })

  it('is as it is between nodes of version 2', () => {
    for (const ask of [now, put]) {
      expect(askFor(2, ask, 7)).toBe(ask)
      expect(askFrom(2, ask, 7)).toBe(ask)
    }
  })

  it('is not asked of version 1 where that knows no such thing', () => {
    for (const kind of ['prepare', 'accept', 'recall', 'stream', 'took-over', 'moves'] as const) {
      expect(askFor(1, [1, kind, 5], 1)).toBe(undefined)
    }
    expect(askFor(1, [1, 'register-prepare', 5, 'strong', 'k', 2, BALLOT], 1)).toBe(undefined)
  })

  it('about the topology is not answered to version 1', () => {
    for (const kind of ['prepare', 'accept', 'recall'] as const) {
      expect(askFrom(1, [1, kind, 5, BALLOT], 1)).toMatchObject({ code: 'not_ready' })
    }
  })

  it('has no place in a cluster whose members have been changed', () => {
    expect(askFor(1, put, 3)).toBe(undefined)
    expect(askFrom(1, put, 3)).toMatchObject({ code: 'not_ready' })
    const first = firstTopology([{ id: 'n1', peerUrl: 'http://n1', zone: 'z' }])
    expect(oldestSpoken(first)).toBe(1)
    expect(oldestSpoken({ ...first, placedAt: 3 })).toBe(2)
  })
})

describe('a frame', () => {
  const frame = { stamp: 1, wallMs: 2, epoch: 3, life: 4, items: [put] }

  it('names its version, but for the first', () => {
    expect(encodeFrame({ ...frame, version: 1 })).toEqual([1, 2, 3, 4, [put]])
    for (const version of [1, 2]) {
      expect(parseFrame(encodeFrame({ ...frame, version }))).toEqual({ ...frame, version })
    }
  })

  it('of a version that is not known is garbage', () => {
    for (const version of [0, 1.5, 3, 'two', null]) {
      expect(() => parseFrame([1, 2, 3, 4, [], version])).toThrow('of the protocol')
    }
  })
})

describe('a change of the topology', () => {
  const clusterOf = (size: number): Topology =>
    firstTopology(
      Array.from({ length: size }, (_, i) => ({
        id: `n${i + 1}`,
        peerUrl: `http://n${i + 1}`,
        zone: 'z',
      })),
    )
  const speaking =
    (versions: Readonly<Record<string, number>>) =>
    (id: string): number | undefined =>
      versions[id]

  it('waits for every member that speaks version 1, and names them', () => {
    const reason = whyNoChange('n1', clusterOf(3), speaking({ n2: 1, n3: 2 }))
    expect(reason).toContain('n1 and n2 speak version 1')
    expect(whyNoChange('n1', clusterOf(3), speaking({ n2: 2, n3: 2 }))).toBe(undefined)
  })

  it('does not wait for who is out of reach', () => {
    expect(whyNoChange('n1', clusterOf(5), speaking({}))).toBe(undefined)
  })

  it('does where those could be a majority of members who decide otherwise', () => {
    const seven = clusterOf(7)
    expect(whyNoChange('n1', seven, speaking({ n2: 2, n3: 2 }))).toContain('3 of 7 members')
    expect(whyNoChange('n1', seven, speaking({ n2: 2, n3: 2, n4: 2 }))).toBe(undefined)
    expect(whyNoChange('n1', { ...seven, placedAt: 9 }, speaking({}))).toBe(undefined)
  })
})
