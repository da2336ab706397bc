/** A cluster in the test's process whose nodes ask for tokens. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Grant } from '../../../src/core/access/grant.ts'
import {
  startCluster,
  type TestAnswer,
  type TestCluster,
  type TestRequest,
} from '../test-cluster.ts'

export const ROOT_TOKEN = 'a-root-token-of-tests-with-enough-characters'

export interface GuardedCluster extends TestCluster {
  /** Sends the request with this token; undefined: without one. */
  ask(
    token: string | undefined,
    path: string,
    request?: TestRequest & { readonly node?: number },
  ): Promise<TestAnswer>
  /** Makes a token at the first node, and resolves with its text. */
  token(name: string, ...grants: readonly Grant[]): Promise<string>
}

export async function startGuarded(
  members: number,
  env: Record<string, string> = {},
): Promise<GuardedCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-root-'))
  const file = join(directory, 'root-token')
  await writeFile(file, `${ROOT_TOKEN}\n`, { mode: 0o600 })
  const access = {
    QUORATE_AUTH: 'on',
    QUORATE_ROOT_TOKEN_FILE: file,
    // Tests are strangers again and again.
    QUORATE_STRANGER_REQUESTS_PER_SECOND: '0',
  }
  const cluster = await startCluster(members, { ...access, ...env })
  const ask: GuardedCluster['ask'] = (token, path, { node = 0, headers = {}, ...request } = {}) => {
    const authorization: Record<string, string> =
      token === undefined ? {} : { authorization: `Bearer ${token}` }
    return cluster.request(node, path, { ...request, headers: { ...authorization, ...headers } })
  }
  return {
    ...cluster,
    ask,
    token: async (name, ...grants) => {
      const body = JSON.stringify({ name, grants })
      const made = await ask(ROOT_TOKEN, '/v1/access/tokens', { method: 'POST', body })
      if (made.status !== 201) throw new Error(made.text)
      return (JSON.parse(made.text) as { token: string }).token
    },
    stop: async () => {
      await cluster.stop()
      await rm(directory, { recursive: true })
    },
  }
}

/** The code of a problem; otherwise the status. */
export function codeOf({ status, headers, text }: TestAnswer): string {
  if (headers['content-type'] !== 'application/problem+json') return String(status)
  return text === '' ? 'a problem' : (JSON.parse(text) as { code: string }).code
}
