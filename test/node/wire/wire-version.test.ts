/** How nodes of two versions of the protocol work together. */
import { describe, expect, it } from 'vitest'
import { firstTopology } from '../../../src/core/placement/first-topology.ts'
import { type Ask, encodeFrame, parseFrame } from '../../../src/node/wire/messages.ts'
import { whyNoChange } from '../../../src/node/wire/wire-version.ts'

const put: Ask = [1, 'apply', 5, 'default', 'k', new Uint8Array([1]), 0]

describe('a frame', () => {
  const frame = { stamp: 1, wallMs: 2, epoch: 3, life: 4, items: [put] }

  it('names its version', () => {
    for (const version of [2, 3]) {
      expect(parseFrame(encodeFrame({ ...frame, version }))).toEqual({ ...frame, version })
    }
  })

  it('of an unknown version, or of none, is garbage', () => {
    for (const version of [0, 1, 1.5, 4, 'two', null]) {
      expect(() => parseFrame([1, 2, 3, 4, [], version])).toThrow('of the protocol')
    }
    expect(() => parseFrame([1, 2, 3, 4, []])).toThrow('not a frame')
  })
})

describe('a change of the topology', () => {
  const cluster = firstTopology(
    ['n1', 'n2', 'n3'].map((id) => ({ id, peerUrl: `http://${id}`, zone: 'z' })),
  )
  const speaking =
    (versions: Readonly<Record<string, number>>) =>
    (id: string): number | undefined =>
      versions[id]

  it('waits for every member that speaks the older version, and names it', () => {
    const reason = whyNoChange('n1', cluster, speaking({ n2: 2, n3: 3 }))
    expect(reason).toContain('n1 and n2 speak version 2')
    expect(whyNoChange('n1', cluster, speaking({ n2: 3, n3: 3 }))).toBe(undefined)
  })

  it('does not wait for a member that is out of reach', () => {
    expect(whyNoChange('n1', cluster, speaking({ n3: 3 }))).toBe(undefined)
  })
})
