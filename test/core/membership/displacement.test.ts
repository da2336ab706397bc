import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isDisplaced, isDisplacedForGood } from '../../../src/core/membership/displacement.ts'
import { majority } from '../../../src/core/quorum/level.ts'

/** Each other member listens to one of two processes of a node, or to none. */
const listeners = fc.array(fc.constantFrom('first', 'second', 'none'), {
  minLength: 1,
  maxLength: 8,
})

function displaced(others: readonly string[], process: string): boolean {
  const linked = others.filter((other) => other === process).length
  const refusing = others.filter((other) => other !== process && other !== 'none').length
  return isDisplaced({ members: others.length + 1, refusing, linked })
}

it('never displaces a process that a majority listens to, unless a majority refuses it', () => {
  fc.assert(
    fc.property(listeners, (others) => {
      const first = others.filter((other) => other === 'first').length
      if (first + 1 < majority(others.length + 1)) return
      const refusing = others.filter((other) => other === 'second').length
      expect(displaced(others, 'first')).toBe(refusing >= majority(others.length + 1))
    }),
  )
})

it('displaces one of two processes at least, where both are listened to and one reaches no majority', () => {
  fc.assert(
    fc.property(listeners, (others) => {
      const counts = ['first', 'second'].map(
        (process) => others.filter((other) => other === process).length + 1,
      )
      if (counts.some((count) => count === 1)) return
      const weak = counts.some((count) => count < majority(others.length + 1))
      expect(displaced(others, 'first') || displaced(others, 'second')).toBe(weak)
    }),
  )
})

it('never displaces a process that nobody refuses, however few it reaches', () => {
  fc.assert(
    fc.property(fc.nat(8), fc.nat(8), (members, linked) => {
      expect(isDisplaced({ members: members + 1, refusing: 0, linked })).toBe(false)
    }),
  )
})

it('displaces for good by a majority alone, and by everybody where that is fewer', () => {
  fc.assert(
    fc.property(fc.nat(8), fc.nat(8), (others, refusing) => {
      const members = others + 1
      const isForGood = isDisplacedForGood({ members, refusing, linked: 0 })
      if (refusing === 0) expect(isForGood).toBe(false)
      else expect(isForGood).toBe(refusing >= majority(members) || refusing >= others)
    }),
  )
})
