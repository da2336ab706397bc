/** Strict percent-decoding: one meaning for each text, and none for a broken one. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { percentDecode } from '../../../src/api/http/percent-decoding.ts'

/** Every character that UTF-8 can write, so no half of a surrogate pair. The arbitrary of fast-check takes seconds. */
const characters = fc.oneof(
  fc.integer({ min: 0, max: 0xd7ff }),
  fc.integer({ min: 0xe000, max: 0x10ffff }),
)
const texts = fc.array(characters).map((points) => String.fromCodePoint(...points))

test('percent-decoding: gives back every text that was encoded', () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(percentDecode(encodeURIComponent(text))).toBe(text)
    }),
  )
})

test.each([
  ['a slash', 'a%2Fb', 'a/b'],
  ['what is encoded twice, once', '%252F', '%2F'],
  ['dots', '%2e%2E', '..'],
  ['a NUL', '%00', '\0'],
  ['a plus sign as it is', 'a+b', 'a+b'],
  ['a byte order mark, which it keeps', '%EF%BB%BFx', '\uFEFFx'],
])('percent-decoding: decodes %s', (_what, raw, text) => {
  expect(percentDecode(raw)).toBe(text)
})

test.each([
  ['no digits', '%'],
  ['one digit', 'a%2'],
  ['other characters', '%zz'],
  ['a sign', '%+1'],
  ['a lone continuation byte', '%80'],
  ['an overlong form', '%C0%AF'],
  ['a surrogate', '%ED%A0%80'],
  ['a cut sequence', '%E2%82'],
  ['a character above 127', '\u00e9'],
])('percent-decoding: refuses %s', (_what, raw) => {
  expect(percentDecode(raw)).toBeUndefined()
})
