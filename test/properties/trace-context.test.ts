/** W3C Trace Context: what is well-formed arrives unchanged, and nothing else counts. */
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  boundedTracestate,
  isSampled,
  parseTraceparent,
  traceparentOf,
  TRACESTATE_CHARACTERS_MAX,
} from '../../src/core/trace/trace-context.ts'

const RUNS = { numRuns: 500, seed: 20_261_130 }
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.constantFrom(...'0123456789abcdef'),
    minLength: digits,
    maxLength: digits,
  })
const id = (digits: number): fc.Arbitrary<string> => hex(digits).filter((text) => /[^0]/.test(text))

describe('traceparent', () => {
  it('is read as it was written', () => {
    const contexts = fc.record({
      traceId: id(32),
      spanId: id(16),
      flags: fc.integer({ min: 0, max: 3 }),
    })
    fc.assert(
      fc.property(contexts, (context) => {
        const text = traceparentOf(context)
        expect(text).toHaveLength(55)
        expect(parseTraceparent(text)).toEqual(context)
      }),
      RUNS,
    )
  })

  it('of a later version is read as far as this version knows it', () => {
    const versions = hex(2).filter((version) => version !== '00' && version !== 'ff')
    const more = fc.oneof(
      fc.constant(''),
      fc.string().map((text) => `-${text.replaceAll('\n', '')}`),
    )
    fc.assert(
      fc.property(
        versions,
        id(32),
        id(16),
        hex(2),
        more,
        (version, traceId, spanId, flags, rest) => {
          const context = parseTraceparent(`${version}-${traceId}-${spanId}-${flags}${rest}`)
          expect(context).toEqual({ traceId, spanId, flags: Number.parseInt(flags, 16) & 3 })
        },
      ),
      RUNS,
    )
  })

  it('with any character changed to one that is no lower-case digit is none', () => {
    const text = `00-${TRACE}-${SPAN}-01`
    const bad = fc.string({ minLength: 1, maxLength: 1 }).filter((c) => !/[0-9a-f]/.test(c))
    fc.assert(
      fc.property(fc.nat({ max: text.length - 1 }), bad, (at, character) => {
        fc.pre(text[at] !== character)
        const changed = text.slice(0, at) + character + text.slice(at + 1)
        expect(parseTraceparent(changed)).toBeUndefined()
      }),
      RUNS,
    )
  })

  test.each([
    [undefined],
    [''],
    [`00-${TRACE}-${SPAN}`],
    [`00-${TRACE}-${SPAN}-01-more`],
    [`00-${TRACE}-${SPAN}-01-`],
    [`00-${TRACE}-${SPAN}-011`],
    [`01-${TRACE}-${SPAN}-01more`],
    [`ff-${TRACE}-${SPAN}-01`],
    [`00-${'0'.repeat(32)}-${SPAN}-01`],
    [`00-${TRACE}-${'0'.repeat(16)}-01`],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`],
    [` 00-${TRACE}-${SPAN}-01`],
    [`00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    [`01-${TRACE}-${SPAN}-01, 01-${TRACE}-${SPAN}-01`],
  ])('%j is none', (text) => {
    expect(parseTraceparent(text)).toBeUndefined()
  })

  it('says by one flag whether the sender records, and passes on no unknown flag', () => {
    const sampled = parseTraceparent(`00-${TRACE}-${SPAN}-ff`)!
    expect(isSampled(sampled)).toBe(true)
    expect(traceparentOf(sampled)).toBe(`00-${TRACE}-${SPAN}-03`)
    expect(isSampled(parseTraceparent(`00-${TRACE}-${SPAN}-fe`)!)).toBe(false)
  })
})

describe('tracestate', () => {
  const member = fc
    .tuple(
      fc.stringMatching(/^[a-z][a-z0-9_*/@-]{0,20}$/),
      fc.stringMatching(/^[!-+\--<>-~]{1,200}$/),
    )
    .map(([key, value]) => `${key}=${value}`)

  it('keeps whole members in their order, within the bound', () => {
    fc.assert(
      fc.property(fc.array(member, { maxLength: 32 }), (members) => {
        const kept = boundedTracestate(members.join(' , '))
        expect(kept.length).toBeLessThanOrEqual(TRACESTATE_CHARACTERS_MAX)
        const whole = members.join(',')
        if (whole.length <= TRACESTATE_CHARACTERS_MAX) expect(kept).toBe(whole)
        let from = 0
        for (const one of kept.split(',').filter((text) => text !== '')) {
          const at = members.indexOf(one, from)
          expect(at).toBeGreaterThanOrEqual(from)
          from = at + 1
        }
        expect(boundedTracestate(kept)).toBe(kept)
      }),
      RUNS,
    )
  })

  it('gives something well-formed, or nothing, for any text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (text) => {
        expect(boundedTracestate(text)).toMatch(/^[\x20-\x7e]{0,512}$/)
      }),
      RUNS,
    )
  })

  test.each([
    [undefined, ''],
    ['', ''],
    ['congo=t61rcWkgMzE', 'congo=t61rcWkgMzE'],
    [' rojo=00f067aa0ba902b7,, congo=t61\t', 'rojo=00f067aa0ba902b7,congo=t61'],
    ['fw529a3039@dt=FfffffeC7', 'fw529a3039@dt=FfffffeC7'],
    ['Upper=1', ''],
    ['a=1,b', ''],
    ['a=1=2', ''],
    ['a=', ''],
    ['a=\u00e4', ''],
    [Array.from({ length: 33 }, (_, i) => `k${i}=v`).join(','), ''],
  ])('%j is passed on as %j', (text, kept) => {
    expect(boundedTracestate(text)).toBe(kept)
  })

  it('is read in a moment, however many blanks a client sends', () => {
    const blank = fc.string({
      unit: fc.constantFrom(' ', '\t'),
      minLength: 60_000,
      maxLength: 60_000,
    })
    fc.assert(
      fc.property(blank, fc.constantFrom('', 'a=1', ','), (blanks, end) => {
        expect(boundedTracestate(`a=1,${blanks}b${blanks}${end}`)).toBe('')
        expect(boundedTracestate(blanks)).toBe('')
        const few = blanks.slice(0, 8000)
        expect(boundedTracestate(`${few}a=1${few}`)).toBe('a=1')
        expect(boundedTracestate(`x${few}${few}y`)).toBe('')
      }),
      { numRuns: 20, seed: 20_261_130 },
    )
  })

  it('drops long members first where there is no room for all', () => {
    const long = `long=${'x'.repeat(200)}`
    const short = Array.from({ length: 20 }, (_, i) => `k${i}=${'y'.repeat(20)}`)
    expect(boundedTracestate([long, ...short].join(','))).toBe(fitting(short))
  })
})

/** As many of the members as fit. */
function fitting(members: readonly string[]): string {
  const kept = [...members]
  while (kept.join(',').length > TRACESTATE_CHARACTERS_MAX) kept.pop()
  return kept.join(',')
}
