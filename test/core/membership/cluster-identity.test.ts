import { describe, expect, it } from 'vitest'
import { OwnCluster, whyOtherCluster } from '../../../src/core/membership/cluster-identity.ts'

const [A, B] = ['a'.repeat(32), 'b'.repeat(32)]

describe('identity of a cluster', () => {
  it.each([
    ['both have agreed on the same id', A, A, true],
    ['neither has agreed on an id yet', undefined, undefined, true],
    ['the peer does not know its id yet', A, undefined, true],
    ['this node does not know its id yet', undefined, A, true],
    ['both know an id, and these differ', A, B, false],
  ])('%s', (_what, ours, theirs, isOne) => {
    const why = whyOtherCluster('n1', { founding: 'f', id: ours }, 'n2', {
      founding: 'f',
      id: theirs,
    })
    expect(why === undefined).toBe(isOne)
  })

  it('is another one where the first members differ, whatever the ids', () => {
    const why = whyOtherCluster('n1', { founding: 'f' }, 'n2', { founding: 'g' })
    expect(why).toBe('n1 belongs to another cluster: its member list differs')
  })

  it('does not need the founding id of a node that does not say it', () => {
    expect(whyOtherCluster('n1', { founding: 'f', id: A }, 'n2', { founding: '' })).toBeUndefined()
  })

  it('is learned once, and never changed', () => {
    const cluster = new OwnCluster(undefined)
    cluster.learn(A)
    cluster.learn(A)
    expect(cluster.id).toBe(A)
    expect(() => cluster.learn(B)).toThrow('never changes')
  })
})
