import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { NAMED_LIVES_MAX, PeerLives } from '../../../src/node/identity/peer-lives.ts'
import { encodeLives, latestOf, parseLives } from '../../../src/node/wire/heard-lives.ts'

const RUNS = { numRuns: 500, seed: 20_261_123 }

/** What is written to the disk and read by the next process. */
const reborn = (lives: PeerLives): PeerLives =>
  new PeerLives(msgpackCodec.decode(msgpackCodec.encode(lives.encode())))

const peers = ['n2', 'n3'] as const

const latest = (lives: PeerLives, peer: string): number => latestOf(lives.past(peer))

describe("a peer's earlier lives", () => {
  it('are known up to the highest stamp before its present one, whatever the order of its stamps', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({
          type: fc.constant('note' as const),
          peer: fc.constantFrom(...peers),
          stamp: fc.integer({ min: 1, max: 100 }),
        }),
        fc.record({ type: fc.constant('life' as const), peer: fc.constantFrom(...peers) }),
      ),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(steps, (taken) => {
        const lives = new PeerLives(undefined)
        const life = new Map<string, number>(peers.map((peer) => [peer, 1]))
        const heard: { peer: string; life: number; stamp: number }[] = []
        for (const step of taken) {
          const { peer } = step
          const present = life.get(peer) as number
          if (step.type === 'life') {
            life.set(peer, present + 1)
            continue
          }
          heard.push({ peer, life: present, stamp: step.stamp })
          lives.note(peer, present, step.stamp)
          const before = heard.filter((h) => h.peer === peer && h.life !== present)
          const past = lives.past(peer)
          expect(latestOf(past)).toBe(Math.max(0, ...before.map(({ stamp }) => stamp)))
          // Each life that has a name has its own highest stamp; what has none is not below the others.
          for (const life of new Set(before.map((h) => h.life))) {
            const highest = Math.max(...before.filter((h) => h.life === life).map((h) => h.stamp))
            const named = past.named.get(life)
            if (named === undefined) expect(past.unnamed).toBeGreaterThanOrEqual(highest)
            else expect(named).toBe(highest)
          }
          expect(past.named.size).toBeLessThanOrEqual(NAMED_LIVES_MAX)
        }
      }),
      RUNS,
    )
  })

  it('are unknown of a peer that was never heard', () => {
    expect(latest(new PeerLives(undefined), 'n2')).toBe(0)
  })

  it('are all those that were heard before this process, whatever life the peer is in', () => {
    const lives = new PeerLives(undefined)
    lives.note('n2', 7, 20)
    lives.note('n2', 8, 10)
    lives.note('n3', 5, 3)
    const next = reborn(lives)
    expect(['n2', 'n3', 'n4'].map((peer) => latest(next, peer))).toEqual([20, 3, 0])
    // The same life goes on: what it has said since is not of an earlier one.
    next.note('n2', 8, 30)
    expect(latest(next, 'n2')).toBe(20)
    expect(latest(reborn(next), 'n2')).toBe(30)
    // And this one is new.
    next.note('n2', 9, 31)
    expect(latest(next, 'n2')).toBe(30)
    expect(next.past('n2').named.get(8)).toBe(30)
  })

  it('are read as one from what an older version has stored or says', () => {
    const lives = new PeerLives(['n2', 20, 'n3', 3])
    expect(lives.past('n2')).toEqual({ named: new Map(), unnamed: 20 })
    expect(parseLives([20])).toEqual({ named: new Map(), unnamed: 20 })
    expect(parseLives([])).toBeUndefined()
    expect(parseLives([20, 'n2'])).toBeUndefined()
  })

  it('are read by an older version as the highest stamp, on the disk and in a message', () => {
    const lives = new PeerLives(undefined)
    lives.note('n2', 7, 20)
    lives.note('n2', 8, 10)
    expect(lives.encode().slice(0, 2)).toEqual(['n2', 20])
    expect(encodeLives(lives.past('n2'))[0]).toBe(20)
  })

  it('keep their names across a restart of who heard them, and the highest stamp of each', () => {
    const lives = new PeerLives(undefined)
    lives.note('n2', 7, 20)
    lives.note('n2', 8, 30)
    const next = reborn(lives)
    // The same life once more, by a frame that was late.
    next.note('n2', 7, 10)
    next.note('n2', 9, 40)
    expect(next.past('n2')).toEqual({
      named: new Map([
        [8, 30],
        [7, 20],
      ]),
      unnamed: 0,
    })
  })

  it('are one where they are too many to be named: none is forgotten', () => {
    const lives = new PeerLives(undefined)
    for (let life = 1; life <= NAMED_LIVES_MAX + 3; life++) lives.note('n2', life, 1000 - life)
    const past = lives.past('n2')
    expect(past.named.size).toBe(NAMED_LIVES_MAX)
    expect([past.named.has(2), past.named.has(3)]).toEqual([false, true])
    expect(past.unnamed).toBe(999)
    expect(latestOf(past)).toBe(999)
    expect(parseLives(encodeLives(past))).toEqual(past)
  })

  it('are as late as the pair says where the list cannot be read', () => {
    const lives = new PeerLives(['n2', 20, [['?']]])
    expect(lives.past('n2')).toEqual({ named: new Map(), unnamed: 20 })
  })
})
