/**
 * A node's directory through starts, crashes and copies, on a simulated disk. What a peer says is what it has
 * heard: the clock of the lives before, which never passes the bound that they had stored.
 */
import { describe, expect, it } from 'vitest'
import { PeerLives } from '../../../src/node/identity/peer-lives.ts'
import { hear, machine, ofLives, unnamed } from './directory-machine.ts'

describe('proof of a directory', () => {
  it('is there at the first start of all: nobody has heard of the node', async () => {
    const { proof } = await machine().start(100)
    expect(proof.isBehind).toBe(false)
    hear(proof, 'n2', unnamed(0))
    expect(proof.isBehind).toBe(false)
  })

  it('is there after any restart of the same directory: peers have heard no more than its bound', async () => {
    const node = machine()
    await node.startProven(100)
    node.crash()
    const second = await node.start(200)
    hear(second.proof, 'n2', unnamed(100))
    await second.saved()
    node.crash()
    const third = await node.start(300)
    hear(third.proof, 'n2', unnamed(200))
    expect(third.proof.isBehind).toBe(false)
  })

  it('is refuted by a peer that has heard of lives before a new directory', async () => {
    const { proof } = await machine().start(100)
    hear(proof, 'n2', unnamed(0))
    hear(proof, 'n3', unnamed(1))
    expect(proof.isBehind).toBe(true)
  })

  it('is refuted by what the node knows itself, whatever its peers say', async () => {
    const node = machine()
    const { proof } = await node.start(100, true)
    hear(proof, 'n2', unnamed(0))
    expect(proof.isBehind).toBe(true)
    node.crash()
    const second = await node.start(200)
    hear(second.proof, 'n2', unnamed(0))
    expect(second.proof.isBehind).toBe(true)
  })

  it('stays refuted across a crash before all is filled, though the bound is new by then', async () => {
    const node = machine()
    const first = await node.start(100)
    hear(first.proof, 'n2', unnamed(50))
    await first.saved()
    node.crash()
    const second = await node.start(200)
    expect(second.proof.isBehind).toBe(true)
    hear(second.proof, 'n2', unnamed(100))
    expect(second.proof.isBehind).toBe(true)
  })

  it('is refuted after a crash too by a peer whose word was lost with it', async () => {
    const node = machine()
    const first = await node.start(100)
    hear(first.proof, 'n2', unnamed(50))
    // Before the word is written.
    node.crash()
    const second = await node.start(200)
    hear(second.proof, 'n2', unnamed(100))
    expect(second.proof.isBehind).toBe(true)
  })

  it('is restored once all is filled, for good', async () => {
    const node = machine()
    const first = await node.start(100)
    for (const peer of ['n2', 'n3']) hear(first.proof, peer, unnamed(50))
    first.proof.filled()
    expect(first.proof.isBehind).toBe(false)
    await first.saved()
    node.crash()
    const second = await node.start(200)
    expect(second.proof.isBehind).toBe(false)
    for (const peer of ['n2', 'n3']) hear(second.proof, peer, unnamed(100))
    expect(second.proof.isBehind).toBe(false)
  })

  it('is refuted for an old copy of the directory by a peer that heard of the newer one', async () => {
    const node = machine()
    await node.startProven(100)
    const backup = node.platter.copy()
    node.crash()
    const second = await node.start(200)
    hear(second.proof, 'n2', unnamed(100))
    await second.saved()
    node.crash()
    node.platter.restore(backup)
    const third = await node.start(300)
    // n2 has heard of the second life, which went beyond the bound of the first.
    hear(third.proof, 'n2', unnamed(150))
    expect(third.proof.isBehind).toBe(true)
  })

  it('is not refuted by a copy made after the last stop: it is the directory', async () => {
    const node = machine()
    await node.startProven(100)
    node.crash()
    node.platter.restore(node.platter.copy())
    const second = await node.start(200)
    hear(second.proof, 'n2', unnamed(100))
    expect(second.proof.isBehind).toBe(false)
  })

  it('is measured, for a peer that answers only at the third start, by the bound of the first', async () => {
    const node = machine()
    // The directory is new; only n2, which has heard nothing of the node, is within reach.
    for (const [bound, heard] of [
      [100, 0],
      [200, 100],
    ] as const) {
      const { proof, saved } = await node.start(bound)
      hear(proof, 'n2', unnamed(heard))
      expect(proof.isBehind).toBe(false)
      await saved()
      node.crash()
    }
    const third = await node.start(300)
    hear(third.proof, 'n2', unnamed(200))
    expect(third.proof.isBehind).toBe(false)
    // n3 knows of a life before the first start, below every later bound.
    hear(third.proof, 'n3', unnamed(50))
    expect(third.proof.isBehind).toBe(true)
  })

  it('is measured, for a peer that had answered, by the first start since at which it did not', async () => {
    const node = machine()
    await node.startProven(100)
    const backup = node.platter.copy()
    node.crash()
    const second = await node.start(200)
    hear(second.proof, 'n2', unnamed(100))
    await second.saved()
    node.crash()
    // The old copy is started twice before n2 answers: its own bound is beyond n2's word by then.
    node.platter.restore(backup)
    await node.start(300)
    node.crash()
    const fourth = await node.start(400)
    hear(fourth.proof, 'n2', unnamed(150))
    expect(fourth.proof.isBehind).toBe(true)
  })

  it('is not asked for twice of a peer in one life', async () => {
    const { proof } = await machine().start(100)
    hear(proof, 'n2', unnamed(0))
    // By now the peer has heard of this very life.
    hear(proof, 'n2', unnamed(100))
    expect(proof.isBehind).toBe(false)
  })

  it('is there for a node that crashed before a peer that had heard it said so', async () => {
    const node = machine()
    const first = await node.startProven(100)
    node.crash()
    const second = await node.start(200)
    node.crash()
    const third = await node.start(300)
    // Beyond the bound of the first, which was the last that n2 had answered.
    hear(third.proof, 'n2', ofLives([first.life, 100], [second.life, 200]))
    expect(third.proof.isBehind).toBe(false)
    // n3 has come since, and heard of all three: the present one before it stopped itself.
    hear(third.proof, 'n3', ofLives([first.life, 90], [second.life, 150], [third.life, 300]))
    expect(third.proof.isBehind).toBe(false)
  })

  it('is refuted by what one of its own lives said after this copy was made, however often it is started', async () => {
    const node = machine()
    const first = await node.startProven(100)
    const backup = node.platter.copy()
    node.crash()
    node.platter.restore(backup)
    await node.start(300)
    node.crash()
    const third = await node.start(400)
    hear(third.proof, 'n2', ofLives([first.life, 101]))
    expect(third.proof.isBehind).toBe(true)
  })

  it('is not refuted again, once all is filled, by what a life of its own said beyond the copy', async () => {
    const node = machine()
    const first = await node.startProven(100)
    const backup = node.platter.copy()
    node.crash()
    const second = await node.start(200)
    node.crash()
    node.platter.restore(backup)
    const third = await node.start(300)
    hear(third.proof, 'n2', ofLives([first.life, 101], [second.life, 200]))
    expect(third.proof.isBehind).toBe(true)
    third.proof.filled()
    await third.saved()
    node.crash()
    const fourth = await node.start(400)
    hear(fourth.proof, 'n2', ofLives([first.life, 101], [second.life, 200], [third.life, 300]))
    expect(fourth.proof.isBehind).toBe(false)
  })

  it('is refuted by a life that had another directory, though all its own are known', async () => {
    const node = machine()
    const lost = await node.start(100)
    node.platter.wipe()
    const first = await node.start(200)
    node.crash()
    const second = await node.start(300)
    hear(second.proof, 'n2', ofLives([lost.life, 50], [first.life, 200]))
    expect(second.proof.isBehind).toBe(true)
  })

  it('is refuted by a life of which this directory has been too often started to know', async () => {
    const node = machine()
    const first = await node.start(100)
    for (let i = 0; i < 40; i++) {
      node.crash()
      await node.start(200)
    }
    node.crash()
    const last = await node.start(300)
    hear(last.proof, 'n2', ofLives([first.life, 100]))
    expect(last.proof.isBehind).toBe(true)
  })

  // The last save waits for all; and the one of the first word has the second in it, if it came meanwhile.
  it.each([0, 1])(
    'stores no word before what follows from all is durable: only %i',
    async (done) => {
      const node = machine()
      const first = await node.start(100)
      const told: number[] = []
      const followed: (() => void)[] = []
      const lose = (heardUntil: number): Promise<void> => {
        told.push(heardUntil)
        return new Promise((resolve) => followed.push(resolve))
      }
      first.proof.heard('n2', ofLives([77, 50], [first.life, 100]), lose)
      first.proof.heard('n3', ofLives([77, 40]), lose)
      first.proof.heard('n4', unnamed(0), lose)
      expect(told).toEqual([50, 40])
      followed[done]?.()
      await first.saved()
      node.crash()
      const second = await node.start(200)
      expect(second.proof.isBehind).toBe(false)
      // Both are asked again.
      hear(second.proof, 'n4', ofLives([first.life, 100]))
      expect(second.proof.isBehind).toBe(false)
      hear(second.proof, 'n3', ofLives([77, 40], [first.life, 100]))
      expect(second.proof.isBehind).toBe(true)
    },
  )

  it('is there for a node that starts again and again before anybody has said what it heard', async () => {
    const node = machine()
    const first = await node.start(100)
    hear(first.proof, 'n2', unnamed(0))
    hear(first.proof, 'n3', unnamed(0))
    await first.saved()
    const n2 = new PeerLives(undefined)
    n2.note('n1', first.life, 100)
    let last = first
    for (let bound = 200; bound <= 2000; bound += 100) {
      node.crash()
      last = await node.start(bound)
      n2.note('n1', last.life, bound)
    }
    // Nor is it new: others have said that there was nothing before it.
    expect(last.proof.isNew(3)).toBe(false)
    hear(last.proof, 'n2', n2.past('n1'))
    expect(last.proof.isBehind).toBe(false)
  })

  it('is refuted for a copy of a life of its own, though a version that lists no lives has had it since', async () => {
    const node = machine()
    const first = await node.startProven(100)
    const backup = node.platter.copy()
    node.crash()
    node.platter.restore(backup)
    await node.startUnlisted(400)
    node.crash()
    const third = await node.start(500)
    hear(third.proof, 'n2', ofLives([first.life, 150]))
    expect(third.proof.isBehind).toBe(true)
  })

  it('is refuted for a copy of a life of its own, though an earlier life had the same number as a later one', async () => {
    const node = machine()
    node.numbers.push(5, 7, 5)
    await node.startProven(100)
    node.crash()
    await node.start(200)
    const backup = node.platter.copy()
    node.crash()
    node.platter.restore(backup)
    const third = await node.start(300)
    hear(third.proof, 'n3', ofLives([5, 299]))
    expect(third.proof.isBehind).toBe(false)
    hear(third.proof, 'n2', ofLives([7, 250]))
    expect(third.proof.isBehind).toBe(true)
  })
})
