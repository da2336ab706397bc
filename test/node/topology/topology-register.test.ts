/** Documents of the topology while voters change, crash, forget, and are behind. */
import { describe, expect, it, test } from 'vitest'
import { TICKS_PER_MS } from '../../../src/core/causality/hybrid-clock.ts'
import type { Topology } from '../../../src/core/placement/topology.ts'
import type { TopologyAcceptor } from '../../../src/node/topology/topology-acceptor.ts'
import { encodeTopology } from '../../../src/node/topology/topology-document.ts'
import type { Encodable } from '../../../src/ports/codec.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { type End, VotingCluster, withBucket } from './voting-cluster.ts'

const FIRST = ['default', 'latest', 'strong']
const voters =
  (...ids: string[]) =>
  (): string[] =>
    ids

/** What a voter has said, or why it says nothing. */
function wordOf(reply: Awaited<ReturnType<TopologyAcceptor['ask']>>): string {
  return 'code' in reply ? reply.code : reply.type
}

/** A cluster of five whose voters are those. */
async function started(seed: string, ...ids: string[]): Promise<VotingCluster> {
  const cluster = new VotingCluster(seed, 5)
  await cluster.startAll()
  expect(await cluster.change('n1', 'begin', voters(...ids))).toBe('ok')
  await cluster.agreed()
  return cluster
}

describe('the document', () => {
  it('takes the changes of all who propose at once', async () => {
    const cluster = new VotingCluster('at once', 5)
    await cluster.startAll()
    const names = cluster.ids.map((id) => `of-${id}`)
    const begun = cluster.ids.map((id) => cluster.begin(id, `of-${id}`, undefined, 10_000))
    for (const one of begun) expect(await cluster.end(one)).toBe('ok')
    expect((await cluster.agreed()).sort()).toEqual([...FIRST, ...names].sort())
    expect(cluster.alive('n1').keeper.epoch).toBe(1 + names.length)
  })

  it('can be changed by who has no vote, and not without a majority of who has one', async () => {
    const cluster = await started('no vote', 'n1', 'n2', 'n3')
    expect(await cluster.change('n5', 'by-n5')).toBe('ok')
    for (const id of ['n2', 'n3']) cluster.node(id).crash()
    expect(await cluster.change('n5', 'without')).toBe('rejected')
    await cluster.startAll()
    expect(await cluster.change('n4', 'with')).toBe('ok')
    expect(await cluster.agreed()).toEqual([...FIRST, 'begin', 'by-n5', 'with'])
  })

  it('is decided by the voters of the one before, however many documents a voter has missed', async () => {
    const cluster = await started('missed', 'n1', 'n2', 'n3')
    cluster.node('n1').crash()
    for (const [i, now] of [
      ['n2', 'n3', 'n4'],
      ['n3', 'n4', 'n5'],
      ['n1', 'n4', 'n5'],
    ].entries()) {
      expect(await cluster.change('n2', `document-${i}`, voters(...now))).toBe('ok')
    }
    // n5 alone of those who have a vote now, with n1, which is needed and knows of none of this.
    cluster.node('n4').crash()
    cluster.start('n1')
    await cluster.until(() => cluster.node('n1').life?.arrival.isProven === true)
    expect(await cluster.change('n1', 'caught-up')).toBe('ok')
    await cluster.startAll()
    expect(await cluster.agreed()).toContain('caught-up')
  })

  it('is not decided by a majority of voters who have a vote no more', async () => {
    const cluster = await started('no more', 'n1', 'n2', 'n3')
    // n2 votes, and is cut off before it hears that it was enough.
    expect(await cluster.change('n3', 'moves', voters('n3', 'n4', 'n5'))).toBe('ok')
    await cluster.agreed()
    cluster.node('n1').crash()
    expect(await cluster.change('n3', 'after')).toBe('ok')
    await cluster.agreedBut('n1')
    const heal = cluster.part(['n1', 'n2'])
    cluster.start('n1')
    await cluster.pass(10)
    expect(await cluster.change('n2', 'stale')).toBe('rejected')
    heal()
    await cluster.startAll()
    expect(await cluster.agreed()).toEqual([...FIRST, 'begin', 'moves', 'after'])
  })
})

describe('a voter', () => {
  it('has no say any more in an instance that it knows the end of, and says which it is', async () => {
    const cluster = await started('passed', 'n1', 'n2', 'n3')
    const { keeper, voter } = cluster.alive('n1')
    const ballot = { counter: Number.MAX_SAFE_INTEGER, node: 'n5' }
    for (const instance of [1, keeper.epoch]) {
      const asked: (string | undefined)[] = []
      for (const kind of ['prepare', 'recall'] as const) {
        void voter.ask({ kind, instance, ballot }).then((reply) => asked.push(wordOf(reply)))
      }
      await cluster.until(() => asked.length === 2)
      expect(asked).toEqual(['stale_epoch', 'stale_epoch'])
    }
  })

  it('keeps what it has accepted in the form without instances, of which nobody knows that it is decided', async () => {
    const cluster = new VotingCluster('old form', 3)
    await cluster.startAll()
    const first = cluster.alive('n1').keeper.topology
    const decided = withBucket(first, 'of-old') as Topology
    for (const id of cluster.ids) cluster.node(id).crash()
    // A majority took it, and all were stopped before anybody was told.
    const ballot = [1000, 'n1'] as const
    for (const id of ['n1', 'n2']) {
      cluster
        .node(id)
        .stored('acceptor', [[...ballot], [...ballot], encodeTopology(decided), false])
    }
    for (const id of ['n1', 'n3']) cluster.start(id)
    await cluster.pass(10)
    expect(await cluster.change('n3', 'new')).toBe('ok')
    await cluster.startAll()
    expect(await cluster.agreed()).toEqual([...FIRST, 'of-old', 'new'])
  })
})

describe('a voter whose directory is lost', () => {
  it('has no say in instances that are decided long ago', async () => {
    const cluster = new VotingCluster('long ago', 3)
    await cluster.startAll()
    // Until n3 has stored that it has heard of n2.
    await cluster.pass(5)
    cluster.node('n3').crash()
    for (let i = 0; i < 7; i++) expect(await cluster.change('n1', `document-${i}`)).toBe('ok')
    await cluster.pass(5)
    cluster.node('n2').crash()
    cluster.node('n2').platter.wipe()
    // The first document is the newest that either of the two knows, and they are a majority of its voters.
    const heal = cluster.part(['n1'])
    for (const id of ['n2', 'n3']) cluster.start(id)
    await cluster.pass(10)
    expect(cluster.alive('n2').arrival.isProven).toBe(true)
    expect(await cluster.change('n3', 'stale')).toBe('rejected')
    heal()
    await cluster.startAll()
    expect(await cluster.agreed()).toContain('document-6')
    await cluster.pass(5)
    expect(await cluster.change('n2', 'votes-again')).toBe('ok')
  })

  it('votes again, and the other of the two it needs for that may go', async () => {
    const cluster = await started('again', 'n1', 'n2', 'n3')
    cluster.node('n2').crash()
    cluster.node('n2').platter.wipe()
    await cluster.startAll()
    await cluster.pass(10)
    cluster.node('n3').crash()
    expect(await cluster.change('n2', 'with-n2')).toBe('ok')
    await cluster.startAll()
    expect(await cluster.agreed()).toContain('with-n2')
  })

  it('still knows after a restart what it has recalled, though its copies are still being filled', async () => {
    const cluster = await started('filling', 'n1', 'n2', 'n3')
    cluster.areFilled = false
    for (const id of ['n1', 'n2']) {
      cluster.node(id).crash()
      cluster.node(id).platter.wipe()
      await cluster.startAll()
      await cluster.pass(10)
    }
    // Two of three would ask each other for what neither knows.
    for (const id of cluster.ids) cluster.node(id).crash()
    await cluster.startAll()
    await cluster.pass(10)
    expect(await cluster.change('n3', 'afterwards')).toBe('ok')
  })

  it('is not lost again by a peer that was away, once another of the voters is', async () => {
    const cluster = new VotingCluster('away', 4)
    await cluster.startAll()
    await cluster.pass(5)
    cluster.node('n4').crash()
    for (const id of ['n1', 'n2']) {
      cluster.node(id).crash()
      cluster.node(id).platter.wipe()
      cluster.start(id)
      await cluster.pass(10)
      expect(await cluster.change('n3', `after-${id}`)).toBe('ok')
    }
    for (const id of ['n1', 'n2', 'n3']) cluster.node(id).crash()
    // n4 has heard of lives that neither knows; n3, whom both would ask, comes later.
    for (const id of ['n1', 'n2', 'n4']) cluster.start(id)
    await cluster.pass(5)
    cluster.start('n3')
    await cluster.pass(20)
    expect(await cluster.change('n3', 'afterwards')).toBe('ok')
  })

  it('is lost at once, on the disk too, and until others have told it, by what goes beyond the last recall', async () => {
    const cluster = await started('beyond', 'n1', 'n2', 'n3')
    cluster.node('n1').crash()
    cluster.node('n1').platter.wipe()
    await cluster.startAll()
    await cluster.pass(10)
    const upTo = cluster.node('n1').voted?.[5] as number
    // No later life is heard to say so little.
    expect(cluster.node('n1').saved('clock')).toBeGreaterThanOrEqual(upTo)
    const { voter, keeper } = cluster.alive('n1')
    const heal = cluster.part(['n1'])
    await voter.lose(upTo - 1)
    expect(cluster.node('n1').voted?.[4]).toBe(false)
    const lost = voter.lose(upTo)
    let answer: string | undefined
    const ballot = { counter: upTo + 1000 * TICKS_PER_MS, node: 'n2' }
    void voter.ask({ kind: 'prepare', instance: keeper.epoch + 1, ballot }).then((reply) => {
      answer = wordOf(reply)
    })
    let isStored = false
    void lost.then(() => (isStored = true))
    await cluster.until(() => isStored && answer !== undefined)
    expect(answer).toBe('not_ready')
    expect(cluster.node('n1').voted?.[4]).toBe(true)
    heal()
    await cluster.pass(10)
    expect(cluster.node('n1').voted?.[4]).toBe(false)
    expect(cluster.node('n1').voted?.[5]).toBeGreaterThan(upTo)
  })

  it('does not vote on what it has recalled so far, once more is found to be lost', async () => {
    const cluster = new VotingCluster('once more', 3)
    await cluster.startAll()
    await cluster.pass(5)
    const next = withBucket(cluster.alive('n1').keeper.topology, 'under-way') as Topology
    for (const id of cluster.ids) cluster.node(id).crash()
    const ballot = [1000, 'n1'] as const
    cluster
      .node('n2')
      .stored('acceptor', [2, [...ballot], [...ballot], encodeTopology(next), false])
    cluster.node('n1').platter.wipe()
    await cluster.startAll()
    // n2 has accepted something: this instance is known again, and later ones may be lost.
    await cluster.until(() => typeof cluster.node('n1').voted?.[3] === 'string')
    await cluster.pass(2)
    expect(cluster.node('n1').voted?.[4]).toBe(true)
    cluster.part(['n1'])
    const { voter } = cluster.alive('n1')
    void voter.lose(Number.MAX_SAFE_INTEGER / 2)
    let answer: string | undefined
    const later = { counter: 2 ** 51, node: 'n2' }
    void voter.ask({ kind: 'prepare', instance: 2, ballot: later }).then((reply) => {
      answer = wordOf(reply)
    })
    await cluster.until(() => answer !== undefined)
    expect(answer).toBe('not_ready')
  })

  it('is lost with a damaged log, before anybody has told what is missing', async () => {
    const cluster = await started('damaged', 'n1', 'n2', 'n3')
    await cluster.pass(2)
    cluster.node('n1').crash()
    cluster.node('n1').platter.lose(() => false)
    const heal = cluster.part(['n1'])
    cluster.start('n1')
    await cluster.pass(10)
    expect(cluster.node('n1').voted?.[4]).toBe(true)
    heal()
    await cluster.until(() => cluster.node('n1').voted?.[4] === false)
  })

  it('is lost in a directory that an older version was filling, whoever has heard of what', async () => {
    const cluster = await started('older', 'n1', 'n2', 'n3')
    await cluster.pass(2)
    const n1 = cluster.node('n1')
    n1.crash()
    const proof = n1.saved('proof') as readonly Encodable[]
    n1.stored('proof', [true, ...proof.slice(1)])
    n1.stored('own-lives', [])
    const heal = cluster.part(['n1'])
    cluster.start('n1')
    await cluster.pass(10)
    expect(n1.voted?.[4]).toBe(true)
    heal()
  })

  it('is stored as lost once the disk takes it', async () => {
    const cluster = await started('full', 'n1', 'n2', 'n3')
    await cluster.pass(2)
    const n1 = cluster.node('n1')
    cluster.part(['n1'])
    n1.platter.isFull = true
    let isStored = false
    void cluster
      .alive('n1')
      .voter.lose(Number.MAX_SAFE_INTEGER / 2)
      .then(() => (isStored = true))
    await cluster.pass(3)
    expect(isStored).toBe(false)
    n1.platter.isFull = false
    await cluster.until(() => isStored)
    expect(n1.voted?.[4]).toBe(true)
  })

  it('votes again as the only voter, once all others have said what they know', async () => {
    const cluster = await started('only', 'n1')
    expect(await cluster.change('n2', 'before')).toBe('ok')
    await cluster.agreed()
    cluster.node('n1').crash()
    cluster.node('n1').platter.wipe()
    cluster.node('n5').crash()
    cluster.start('n1')
    await cluster.pass(10)
    expect(await cluster.change('n1', 'too-early')).toBe('rejected')
    await cluster.startAll()
    await cluster.pass(10)
    expect(await cluster.change('n2', 'after')).toBe('ok')
    expect(await cluster.agreed()).toEqual([...FIRST, 'begin', 'before', 'after'])
  })

  it('makes no majority with an acceptance that comes after it has forgotten its own', async () => {
    const cluster = await started('late', 'n1', 'n2', 'n3')
    const before = cluster.node('n2').voted
    const healThird = cluster.mute('n4', ['n3'])
    const late = cluster.begin('n4', 'late', undefined, 60_000)
    // n1 and n2 promise; what n4 proposes then reaches n1 alone.
    await cluster.until(() => cluster.node('n2').voted !== before && isOfThird(cluster, 'n2'))
    const release = cluster.mute('n4', ['n2'], 'hold')
    await cluster.until(() => typeof cluster.node('n1').voted?.[3] === 'string')
    await cluster.pass(1)
    cluster.node('n1').crash()
    cluster.node('n1').platter.wipe()
    cluster.start('n1')
    await cluster.pass(15)
    // n1 and n3 decide otherwise, and n2 hears nothing of it.
    const healSecond = ['n1', 'n3', 'n5'].map((id) => cluster.mute(id, ['n2']))
    expect(await cluster.change('n5', 'other')).toBe('ok')
    release()
    await cluster.pass(1)
    healThird()
    for (const heal of healSecond) heal()
    const isDone = (await cluster.end(late)) === 'ok'
    const names = await cluster.agreed()
    expect(names).toEqual([...FIRST, 'begin', 'other', ...(isDone ? ['late'] : [])])
  })
})

/** Whether it has promised something for the third document. */
function isOfThird(cluster: VotingCluster, id: string): boolean {
  return cluster.node(id).voted?.[0] === 3
}

/** Three or five of the members, by the name and epoch of the document. */
function someVoters(cluster: VotingCluster, name: string) {
  return ({ epoch }: Topology): string[] => {
    const random = new SeededRandom(`${name} ${epoch}`)
    const left = [...cluster.ids]
    const count = random.chance(70) ? 3 : 5
    return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)).flat()
  }
}

const SEEDS = Array.from({ length: 12 }, (_, i) => `world ${i}`)

test.each(SEEDS)('whatever happens, there is one document of each epoch: %s', async (seed) => {
  const cluster = new VotingCluster(seed, 5)
  const random = cluster.random.child('events')
  const pick = (): string => cluster.ids[random.below(cluster.ids.length)] as string
  await cluster.startAll()
  const ends = new Map<string, Promise<End>>()
  let heal = (): void => undefined
  let wipedUs = 0
  for (let step = 0; step < 150; step++) {
    const id = pick()
    const { life } = cluster.node(id)
    const isUp = life !== undefined
    const name = `step-${step}`
    const what = random.below(12)
    if (what < 6) ends.set(name, cluster.begin(id, name, someVoters(cluster, name)))
    else if (what === 6 && isUp) cluster.node(id).crash()
    else if (what === 7) {
      heal()
      heal = cluster.part([id, pick()])
    } else if (what === 8 && isUp && cluster.areAllWhole(id) && cluster.schedule.nowUs > wipedUs) {
      // One at a time: what is lost is made good for by the others.
      wipedUs = cluster.schedule.nowUs + 5_000_000
      cluster.node(id).crash()
      cluster.node(id).platter.wipe()
    } else if (what === 9) heal()
    else for (const other of cluster.ids) if (!cluster.isStarted(other)) cluster.start(other)
    await cluster.pass(random.below(2000) / 1000)
  }
  heal()
  await cluster.startAll()
  await cluster.pass(10)
  expect(await cluster.change(pick(), 'last')).toBe('ok')
  const names = await cluster.agreed()
  for (const [name, begun] of ends) {
    const end = await cluster.end(begun)
    if (end === 'ok') expect(names, name).toContain(name)
    if (end === 'rejected') expect(names, name).not.toContain(name)
  }
})
