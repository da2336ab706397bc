import { expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { liveSiblings, type StoredObject } from '../../../src/core/causality/stored-object.ts'
import { contentTypeOf, encodeNames, nameOfKey } from '../../../src/core/causality/update-name.ts'
import { decodeHead, encodeHead, headOf } from '../../../src/node/storage/record-head.ts'
import { vectorOf } from '../../../src/core/causality/version-vector.ts'

const dotOf = (n: number) => ({ actor: `n${n}~a`, timestamp: n })
const [deleted, kept] = [nameOfKey('deleted', 'f'), nameOfKey('kept', 'f')]
const names = encodeNames([
  { ...deleted, dot: dotOf(1), kind: 'increment' },
  { ...kept, dot: dotOf(2), kind: 'deleted nothing' },
])
const rest = { value: new Uint8Array([1, 2]), tombstone: false, expiresAtMs: 0 }
const counter: StoredObject = {
  vector: vectorOf([1, 2, 3, 4].map((n) => [`n${n}~a`, n])),
  siblings: [
    { ...rest, ...dotOf(1), contentType: contentTypeOf(deleted) },
    { ...rest, ...dotOf(2), contentType: contentTypeOf(kept) },
    { ...rest, ...dotOf(3), contentType: 'text/plain' },
    { ...rest, ...dotOf(4), contentType: '', tombstone: true, value: names },
  ],
}

it('tells the same siblings to be live as the record does', () => {
  const stored = msgpackCodec.encode(encodeHead(headOf(counter)))
  const head = decodeHead(...(msgpackCodec.decode(stored) as [unknown, unknown, unknown]))
  expect([...msgpackCodec.encode(encodeHead(head))]).toEqual([...stored])
  expect(head.sizes).toEqual([2, 2, 2, names.length])
  const live = liveSiblings(head.object, 0)
  expect(live.map(({ timestamp }) => timestamp)).toEqual([2, 3])
  expect(live.map(({ value }) => value.length)).toEqual([0, 0])
  expect(liveSiblings(counter, 0).map(({ timestamp }) => timestamp)).toEqual([2, 3])
})

it('is read as well where a node of version 2 wrote it, without names', () => {
  const [vector, siblings] = encodeHead(headOf(counter))
  const { object } = decodeHead(vector, siblings)
  expect(object.siblings.map(({ timestamp }) => timestamp)).toEqual([1, 2, 3, 4])
  expect(() => decodeHead(vector, siblings, [9, 'x', new Uint8Array(0)])).toThrow('not the name')
})
