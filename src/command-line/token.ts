/**
 * The token that a command sends to nodes with QUORATE_AUTH=on. It comes from a file or from the environment, and never
 * from an argument, because everybody on the machine can see those.
 */
import { readFileSync } from 'node:fs'
import { UsageError } from './usage-error.ts'

const TOKEN_VARIABLE = 'QUORATE_TOKEN'
const TOKEN = /^[\w.~+/-]+=*$/

export const TOKEN_OPTION = {
  kind: 'text',
  placeholder: 'FILE',
  otherwise: `the variable ${TOKEN_VARIABLE}, or no token`,
  about: 'The file with the token, for nodes with QUORATE_AUTH=on.',
} as const

type Environment = Readonly<Record<string, string | undefined>>

/** Undefined if neither gives one. Throws UsageError. */
export function readToken(file: string | undefined, env: Environment): string | undefined {
  if (file === undefined) return tokenIn(undefined, env)
  try {
    return tokenIn({ file, text: readFileSync(file, 'utf8') }, env)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`--token-file ${file}: ${(error as Error).message}`, { cause: error })
  }
}

/** The token in the content of the file that was given, or in the environment. Throws UsageError. */
export function tokenIn(
  given: { readonly file: string; readonly text: string } | undefined,
  env: Environment,
): string | undefined {
  const token = (given?.text ?? env[TOKEN_VARIABLE] ?? '').trim()
  if (TOKEN.test(token)) return token
  if (token === '' && given === undefined) return undefined
  const label = given === undefined ? TOKEN_VARIABLE : `--token-file ${given.file}`
  // The text is not shown: it may be nearly right.
  throw new UsageError(`${label}: must be one token`)
}

/** The header of a request. */
export function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}
