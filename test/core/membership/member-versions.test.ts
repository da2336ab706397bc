/** Which version a member was last known to speak, also while it is out of reach. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type HeardVersion, MemberVersions } from '../../../src/core/membership/member-versions.ts'

const MEMBERS = ['n1', 'n2', 'n3']

const heard = (member: string, version: number, stamp: number): HeardVersion => ({
  member,
  version,
  stamp,
})
const oldOnes = (versions: MemberVersions): string[] => versions.mayBeOld(MEMBERS, MEMBERS)

describe('the versions of the members', () => {
  it('are old until they are known', () => {
    const versions = new MemberVersions('n1', [], [])
    expect(oldOnes(versions)).toEqual(['n2', 'n3'])
    versions.note(heard('n2', 3, 1))
    expect(oldOnes(versions)).toEqual(['n3'])
  })

  it('are remembered of a member that is away', () => {
    const versions = new MemberVersions('n1', [], [])
    versions.note(heard('n2', 2, 1))
    versions.note(heard('n3', 3, 1))
    versions.learn('n3', [])
    expect(oldOnes(versions)).toEqual(['n2'])
    const next = new MemberVersions('n1', versions.entries(), ['n2', 'n3'])
    expect(oldOnes(next)).toEqual(['n2'])
  })

  it('do not wait for a member that nobody of a majority has ever heard', () => {
    const versions = new MemberVersions('n1', [], [])
    versions.note(heard('n2', 3, 1))
    versions.learn('n2', [heard('n1', 3, 1)])
    expect(oldOnes(versions)).toEqual([])
    // A member that this node alone had heard, in a life of the version that remembers none.
    expect(oldOnes(new MemberVersions('n1', [heard('n2', 3, 1)], ['n2', 'n3']))).toEqual(['n3'])
  })

  it('do wait for a member that somebody has heard', () => {
    const versions = new MemberVersions('n1', [], [])
    versions.note(heard('n2', 3, 1))
    versions.learn('n2', [heard('n3', 2, 0)])
    expect(oldOnes(versions)).toEqual(['n3'])
    // It is upgraded meanwhile, and another member has heard it since.
    versions.learn('n2', [heard('n3', 3, 9)])
    expect(oldOnes(versions)).toEqual([])
  })

  it('are the same in whatever order the words come, late ones included', () => {
    const words = fc.uniqueArray(
      fc.record({
        member: fc.constantFrom('n2', 'n3'),
        version: fc.constantFrom(2, 3),
        stamp: fc.integer({ min: 1, max: 50 }),
      }),
      { selector: ({ member, stamp }) => `${member}@${stamp}`, maxLength: 20 },
    )
    const byName = (versions: MemberVersions): HeardVersion[] =>
      [...versions.entries()].sort((a, b) => (a.member < b.member ? -1 : 1))
    fc.assert(
      fc.property(words, fc.nat({ max: 20 }), (all, turn) => {
        const one = new MemberVersions('n1', [], [])
        for (const word of all) one.note(word)
        const other = new MemberVersions('n1', [], [])
        other.learn('n2', [...all.slice(turn), ...all.slice(0, turn)])
        expect(byName(other)).toEqual(byName(one))
        for (const { member, version, stamp } of byName(one)) {
          for (const word of all.filter((known) => known.member === member)) {
            expect(word.stamp).toBeLessThanOrEqual(stamp)
            if (word.stamp === stamp) expect(word.version).toBe(version)
          }
        }
      }),
      { numRuns: 300, seed: 20_261_129 },
    )
  })
})
