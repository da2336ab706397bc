/**
 * Reads the root tokens of a node from their file. The file may have several, one a line, so that clients can change
 * from one to the next while nodes restart.
 */
import { readFile } from 'node:fs/promises'
import { hashOfText, isRootText, ROOT_CHARACTERS_MIN } from '../api/access/token-text.ts'
import { SettingError } from './settings/setting-syntax.ts'

const TOKENS_MAX = 4

/** Resolves with their hashes. Rejects with an error that shows nothing of the file. */
export async function readRootTokens(path: string): Promise<readonly string[]> {
  const lines = (await textOf(path)).split('\n').map((line) => line.trim())
  const texts = lines.filter((line) => line !== '')
  if (texts.length === 0 || texts.length > TOKENS_MAX) {
    throw refusal(path, `must have 1 to ${TOKENS_MAX} tokens, one a line, not ${texts.length}`)
  }
  const wrong = lines.findIndex((line) => line !== '' && !isRootText(line))
  if (wrong < 0) return texts.map(hashOfText)
  throw refusal(
    path,
    `line ${wrong + 1} is no token: at least ${ROOT_CHARACTERS_MIN} letters, digits, and . _ ~ + / - without a space; ` +
      'openssl rand -hex 32 makes one',
  )
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw refusal(path, (error as Error).message)
  }
}

function refusal(path: string, why: string): SettingError {
  return new SettingError(`QUORATE_ROOT_TOKEN_FILE=${JSON.stringify(path)}: ${why}`)
}
