/** The record of a strong key: with the fingerprints of its answered writes, and as version 2 of the protocol wrote it. */
import { describe, expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import type { StoredObject } from '../../../src/core/causality/stored-object.ts'
import { decodeRecord, encodeRecord } from '../../../src/node/wire/object-record.ts'
import { vectorOf } from '../../../src/core/causality/version-vector.ts'

/** Written by a node of version 2. */
const OLD = 'yuoXZ5QBkqJuMQeRlqRuMX5hBQCqdGV4dC9wbGFpbgDEAXaSkgeibjGUpG9uY2WkbjF+YQXD'

const dot = { actor: 'n1~a', timestamp: 5 }
const value = new TextEncoder().encode('v')
const answered = { idempotencyKey: 'once', dot, existed: true }
const object: StoredObject = {
  vector: vectorOf([['n1', 7]]),
  siblings: [{ ...dot, value, contentType: 'text/plain', tombstone: false, expiresAtMs: 0 }],
  memory: { changes: [{ counter: 7, node: 'n1' }], answered: [answered] },
}

describe('the record of a strong key', () => {
  it('is read, and written again to the byte, where no fingerprint is known', () => {
    expect(decodeRecord(msgpackCodec, new Uint8Array(Buffer.from(OLD, 'base64')))).toEqual(object)
    expect(Buffer.from(encodeRecord(msgpackCodec, object)).toString('base64')).toBe(OLD)
  })

  it('keeps the fingerprint of each answered write that has one', () => {
    const writes = [answered, { ...answered, idempotencyKey: 'twice', fingerprint: 'abc' }]
    const next = { ...object, memory: { changes: [], answered: writes } }
    expect(decodeRecord(msgpackCodec, encodeRecord(msgpackCodec, next))).toEqual(next)
  })
})
