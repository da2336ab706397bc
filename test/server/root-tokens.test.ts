/** The file of the root tokens. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashOfText } from '../../src/api/access/token-text.ts'
import { readRootTokens } from '../../src/server/root-tokens.ts'
import { SettingError } from '../../src/server/settings/setting-syntax.ts'

const GOOD = 'k3wU9xT7hQ2mZ8vB4nC6yR1sD5fG0jLp'

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-root-'))
})

afterAll(() => rm(directory, { recursive: true }))

async function read(text: string): Promise<readonly string[]> {
  const file = join(directory, 'tokens')
  await writeFile(file, text)
  return readRootTokens(file)
}

test('a file has one token or several, one a line', async () => {
  expect(await read(GOOD)).toEqual([hashOfText(GOOD)])
  expect(await read(`\n ${GOOD}\r\n${GOOD}=\n\n`)).toEqual([
    hashOfText(GOOD),
    hashOfText(`${GOOD}=`),
  ])
})

test.each([
  ['', '1 to 4 tokens'],
  ['\n\n', '1 to 4 tokens'],
  [`${GOOD}\n`.repeat(5), '1 to 4 tokens'],
  [GOOD.slice(1), 'line 1 is no token'],
  [`${GOOD}\n\n${GOOD} x`, 'line 3 is no token'],
  [`${GOOD}é`, 'line 1 is no token'],
])('%j is refused, and nothing of it is shown', async (text, words) => {
  const error = await read(text).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(SettingError)
  const { message } = error as Error
  expect(message).toContain('QUORATE_ROOT_TOKEN_FILE=')
  expect(message).toContain(words)
  expect(message).not.toContain(GOOD.slice(1, 9))
})

test('a file that is not there is named', async () => {
  await expect(readRootTokens(join(directory, 'none'))).rejects.toThrow(
    /QUORATE_ROOT_TOKEN_FILE=.*none/,
  )
})
