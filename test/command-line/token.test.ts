/** Where a command gets its token. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bearer, readToken } from '../../src/command-line/token.ts'
import { UsageError } from '../../src/command-line/usage-error.ts'

let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-token-'))
})

afterAll(() => rmSync(directory, { recursive: true }))

function fileWith(text: string): string {
  const file = join(directory, 'token')
  writeFileSync(file, text)
  return file
}

test('a file goes before the variable, and without both there is no token', () => {
  const env = { QUORATE_TOKEN: ' of-the-variable ' }
  expect(readToken(fileWith('of-the-file\n'), env)).toBe('of-the-file')
  expect(readToken(undefined, env)).toBe('of-the-variable')
  expect(readToken(undefined, { QUORATE_TOKEN: '' })).toBeUndefined()
  expect(readToken(undefined, {})).toBeUndefined()
  expect([bearer('a'), bearer(undefined)]).toEqual([{ authorization: 'Bearer a' }, {}])
})

test.each(['', 'two tokens', 'a\nb', 'é'])('a file with %j is refused, and not shown', (text) => {
  const read = (): unknown => readToken(fileWith(text), {})
  expect(read).toThrow(UsageError)
  expect(read).toThrow(/^--token-file \S+: must be one token$/)
})

test('a file that is not there is named', () => {
  expect(() => readToken(join(directory, 'none'), {})).toThrow(/^--token-file .*none: ENOENT/)
})
