/** The verdict in words, on the real world under faults. */
import { describe, expect, it } from 'vitest'
import { type ClusterVerdict, clusterVerdict } from '../../src/lab/picture/cluster-verdict.ts'
import type { Action } from '../../src/simulation/interactive/action.ts'
import { InteractiveWorld } from '../../src/simulation/interactive/interactive-world.ts'

async function verdictAfter(nodes: number, ...actions: readonly Action[]): Promise<ClusterVerdict> {
  const plan = { seed: 'verdict', nodes, endMs: 2000, actions: [] }
  const world = await InteractiveWorld.replayed(plan, 2_000_000)
  for (const action of actions) await world.act(action)
  await world.advance(world.nowUs + 500_000)
  return clusterVerdict(world.view())
}

describe('the verdict', () => {
  it('on a whole cluster: one more failure is survived', async () => {
    expect(await verdictAfter(5)).toEqual({
      grade: 'good',
      title: 'Healthy',
      spare: 1,
      sentences: [
        'All 5 nodes are up.',
        'Every working node reaches a quorum of every key.',
        'Any one more node may fail.',
      ],
    })
  })

  it('with one node down, and with two', async () => {
    const one = await verdictAfter(5, { do: 'kill', node: 'n3' })
    expect(one).toMatchObject({ grade: 'limited', title: 'Degraded', spare: 0 })
    expect(one.sentences).toEqual([
      '4 of 5 nodes are up; n3 is down.',
      'Every working node reaches a quorum of every key.',
      'One more failure can take the quorum from some keys.',
    ])
    const two = await verdictAfter(5, { do: 'kill', node: 'n3' }, { do: 'pause', node: 'n4' })
    expect(two).toMatchObject({ grade: 'lost', title: 'Quorum lost', spare: -1 })
    expect(two.sentences[0]).toBe('3 of 5 nodes are up; n3 is down and n4 is paused.')
    expect(two.sentences[1]).toMatch(/^Some keys have no quorum at any node/)
    const three = await verdictAfter(3, { do: 'kill', node: 'n3' }, { do: 'kill', node: 'n1' })
    expect(three.sentences[1]).toMatch(/^No key has a quorum at any node/)
  })

  it('with no node at all', async () => {
    const kill = (node: string): Action => ({ do: 'kill', node })
    const none = await verdictAfter(3, kill('n1'), kill('n2'), kill('n3'))
    expect(none).toMatchObject({ grade: 'lost', title: 'Down', spare: -1 })
    expect(none.sentences.at(-1)).toBe('No node answers requests.')
  })

  it('on a partition: it names the groups, and where a quorum is in reach', async () => {
    const three = await verdictAfter(3, { do: 'cut', from: ['n1'], to: ['n2', 'n3'] })
    expect(three).toMatchObject({ grade: 'limited', spare: 0 })
    expect(three.sentences).toEqual([
      'All 3 nodes are up.',
      'A partition separates n1 from n2 and n3.',
      'Only n2 and n3 reach a quorum of every key.',
      'One more failure can take the quorum from some keys.',
    ])
    const five = await verdictAfter(5, { do: 'cut', from: ['n1', 'n2'], to: ['n3', 'n4', 'n5'] })
    expect(five.sentences.slice(1, 3)).toEqual([
      'A partition separates n1 and n2 from n3, n4 and n5.',
      'Every key has a quorum at some node, but no node reaches a quorum of every key.',
    ])
  })

  it('on a cut that parts no groups', async () => {
    const one = await verdictAfter(5, { do: 'cut', from: ['n1'], to: ['n2'], oneWay: true })
    expect(one.sentences[1]).toBe('One direction of a link is cut.')
    const both = await verdictAfter(5, { do: 'cut', from: ['n1'], to: ['n2'] })
    expect(both.sentences[1]).toBe('2 directions of links are cut.')
  })
})
