/** What one update makes of a set; that concurrent ones merge as they should is among the properties. */
import { describe, expect, it } from 'vitest'
import { changeSet, elementsOf } from '../../../src/core/causality/element-set.ts'
import {
  ABSENT,
  merge,
  type StoredObject,
  write,
} from '../../../src/core/causality/stored-object.ts'

const TOMBSTONE = { value: new Uint8Array(0), contentType: '', tombstone: true, expiresAtMs: 0 }
const encoder = new TextEncoder()
const decoder = new TextDecoder()

function change(
  held: StoredObject,
  actor: string,
  timestamp: number,
  added: readonly string[],
  removed: readonly string[] = [],
): StoredObject {
  const encode = (texts: readonly string[]): Uint8Array[] => texts.map((t) => encoder.encode(t))
  const count = Math.max(1, added.length)
  const dots = Array.from({ length: count }, (_, i) => ({ actor, timestamp: timestamp + i }))
  return changeSet(held, dots, encode(added), encode(removed))
}

const textsOf = ({ siblings }: StoredObject): string[] =>
  elementsOf(siblings).map((element) => decoder.decode(element))

describe('set', () => {
  it('has its elements in the order of their bytes, each once', () => {
    const left = change(ABSENT, 'n1~a', 1, ['b', 'ä', 'a'])
    const right = change(ABSENT, 'n2~a', 1, ['a', '\u{1f34e}', '\uffee'])
    const both = merge('siblings', left, right)
    expect(both.siblings).toHaveLength(6)
    expect(textsOf(both)).toEqual(['a', 'b', 'ä', '\uffee', '\u{1f34e}'])
    const added = change(both, 'n1~a', 9, ['a'])
    expect(added.siblings).toHaveLength(5)
  })

  it('keeps nothing of what was removed but that it was seen', () => {
    const held = change(ABSENT, 'n1~a', 1, ['a', 'b'])
    const removed = change(held, 'n2~a', 5, [], ['a', 'c'])
    expect(textsOf(removed)).toEqual(['b'])
    expect([...removed.vector]).toEqual([
      ['n1~a', 2],
      ['n2~a', 5],
    ])
    expect(textsOf(merge('siblings', held, removed))).toEqual(['b'])
  })

  it('keeps an element that is added while it is removed', () => {
    const held = change(ABSENT, 'n1~a', 1, ['a'])
    const removed = change(held, 'n1~a', 2, [], ['a'])
    const added = change(held, 'n2~a', 2, ['a'])
    expect(textsOf(merge('siblings', removed, added))).toEqual(['a'])
  })

  it('replaces a tombstone by what is added after it, not by what is removed', () => {
    const held = change(ABSENT, 'n1~a', 1, ['a'])
    const deleted = write('siblings', held, { actor: 'n1~a', timestamp: 2 }, TOMBSTONE, undefined)
    expect(change(deleted, 'n1~a', 3, [], ['a']).siblings).toMatchObject([{ tombstone: true }])
    expect(textsOf(change(deleted, 'n1~a', 3, ['b']))).toEqual(['b'])
    expect(change(deleted, 'n1~a', 3, ['b']).siblings).toHaveLength(1)
  })
})
