/**
 * Every kind of ask arrives as it was sent, through the codec of the wire. Garbage throws: a field of another type than
 * the format's never comes through. The requests and answers are arbitrary ones (ask-samples.ts).
 */
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { QuorateError } from '../../../src/core/errors.ts'
import type { AskFormat } from '../../../src/node/wire/asks/ask-format.ts'
import { ASK_FORMATS, type AskKind } from '../../../src/node/wire/asks/ask-formats.ts'
import type { Encodable } from '../../../src/ports/codec.ts'
import { SAMPLES } from './ask-samples.ts'

const RUNS = { numRuns: 100, seed: 20_261_129 }
const KINDS = Object.keys(ASK_FORMATS) as AskKind[]

type Fields = readonly Encodable[]

/** One half of a format: its requests, or its answers. */
interface Half {
  readonly samples: fc.Arbitrary<unknown>
  readonly encode: (value: unknown) => Fields
  readonly decode: (fields: Fields) => unknown
}

function halvesOf(kind: AskKind): Record<'request' | 'answer', Half> {
  const format = ASK_FORMATS[kind] as AskFormat<unknown, unknown>
  const { request, answer } = SAMPLES[kind]
  return {
    request: {
      samples: request,
      encode: (value) => encoded((fields) => format.encode(value, fields)),
      decode: (fields) => format.decode(fields),
    },
    answer: {
      samples: answer,
      encode: (value) => encoded((fields) => format.encodeAnswer(value, fields)),
      decode: (fields) => format.decodeAnswer(fields),
    },
  }
}

function encoded(encode: (fields: Encodable[]) => void): Fields {
  const fields: Encodable[] = []
  encode(fields)
  return msgpackCodec.decode(msgpackCodec.encode(fields)) as Fields
}

/** An error has no enumerable message, so it would equal any other one. */
function plain(value: unknown): unknown {
  if (value instanceof QuorateError) {
    return { code: value.code, message: value.message, details: value.details }
  }
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Uint8Array) return [...value]
  if (value instanceof Map) return [...value].map(plain)
  if (Array.isArray(value)) return value.map(plain)
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]))
}

describe.each(KINDS)('%s', (kind) => {
  test.each(['request', 'answer'] as const)('its %s arrives as it was sent', (name) => {
    const { samples, encode, decode } = halvesOf(kind)[name]
    fc.assert(
      fc.property(samples, (value) => {
        expect(plain(decode(encode(value)))).toEqual(plain(value))
      }),
      RUNS,
    )
  })

  test.each(['request', 'answer'] as const)(
    'no field of another type comes through: %s',
    (name) => {
      const { samples, encode, decode } = halvesOf(kind)[name]
      fc.assert(
        fc.property(samples, fc.nat(), garbage, (value, place, other) => {
          const fields = encode(value)
          const told = orUndefined(() => decode(withOther(fields, place, other)))
          if (told !== undefined) expect(typeFault(plain(value), plain(told))).toBe(undefined)
        }),
        RUNS,
      )
    },
  )

  it('reads arbitrary fields, or throws an error', () => {
    for (const { encode, decode } of Object.values(halvesOf(kind))) {
      fc.assert(
        fc.property(fc.array(garbage, { maxLength: 14 }), (fields) => {
          const told = orUndefined(() => decode(fields))
          if (told !== undefined) expect(plain(decode(encode(told)))).toEqual(plain(told))
        }),
        RUNS,
      )
    }
  })
})

it('is found under its own kind', () => {
  for (const kind of KINDS) expect(ASK_FORMATS[kind].kind).toBe(kind)
})

const garbage: fc.Arbitrary<Encodable> = fc.letrec<{ any: Encodable }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string(),
    fc.constantFrom('promise', 'accepted', 'conflict', 'match', 'set', 'counter', 'quorum', 'ping'),
    fc.uint8Array({ maxLength: 8 }),
    fc.array(tie('any'), { maxLength: 6 }),
  ),
})).any

/** The fields with another value at one place, which may lie in a list within a list. */
function withOther(fields: Fields, place: number, other: Encodable): Fields {
  if (fields.length === 0) return fields
  const at = place % fields.length
  const field = fields[at] as Encodable
  const isInside = Array.isArray(field) && field.length > 0 && place % 3 > 0
  const replaced = isInside
    ? withOther(field as Fields, Math.floor(place / fields.length), other)
    : other
  return fields.with(at, replaced)
}

function orUndefined(decode: () => unknown): unknown {
  try {
    return decode()
  } catch (error) {
    expect(error).toBeInstanceOf(Error)
    return undefined
  }
}

/** The place where `told` has another type than `value` at the same place; undefined if it has none. */
function typeFault(value: unknown, told: unknown, place = 'it'): string | undefined {
  // A field that may be absent. The samples of both kinds are checked.
  if (value === undefined || told === undefined || value === null || told === null) return undefined
  if (typeof value !== typeof told || Array.isArray(value) !== Array.isArray(told)) {
    return `${place}: ${JSON.stringify(told)} in place of ${JSON.stringify(value)}`
  }
  if (typeof value !== 'object') return undefined
  const [parts, toldParts] = [value, told] as Record<string, unknown>[]
  for (const discriminant of ['type', 'heads']) {
    if (parts?.[discriminant] !== toldParts?.[discriminant]) return undefined
  }
  for (const [name, part] of Object.entries(parts as object)) {
    const fault = typeFault(part, toldParts?.[name], `${place}.${name}`)
    if (fault !== undefined) return fault
  }
  return undefined
}
