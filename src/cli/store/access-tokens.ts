/** Requests about access tokens, and how grants are written on a command line. */
import type { Sender } from '../../client/request/sender.ts'
import { parseJson } from '../../client/request/answer.ts'
import { UsageError } from '../../command-line/usage-error.ts'
import { getJson } from './cluster-answer.ts'

const PATH = '/v1/access/tokens'
const RIGHTS = ['read', 'write', 'admin']

export interface Grant {
  readonly bucket: string
  readonly prefix: string
  readonly rights: readonly string[]
}

export interface TokenAnswer {
  readonly name: string
  readonly grants: readonly Grant[]
  readonly createdAt: string
  /** Null if the token does not expire. */
  readonly expiresAt: string | null
  readonly state: string
}

/** `token` is its text. */
export type NewTokenAnswer = TokenAnswer & { readonly token: string }

/** Reads `carts/eu/=read+write`: a bucket, perhaps a prefix behind a slash, and rights. Throws UsageError. */
export function grantOf(text: string): Grant {
  const equals = text.lastIndexOf('=')
  const place = text.slice(0, Math.max(0, equals))
  const rights = text.slice(equals + 1).split('+')
  const slash = place.indexOf('/')
  const bucket = slash < 0 ? place : place.slice(0, slash)
  const prefix = slash < 0 ? '' : place.slice(slash + 1)
  if (bucket !== '' && rights.every((right) => RIGHTS.includes(right))) {
    return { bucket, prefix, rights }
  }
  throw new UsageError(
    `--grant ${text}: must be BUCKET=RIGHTS or BUCKET/PREFIX=RIGHTS, such as carts/eu/=read+write; ` +
      `the rights are ${RIGHTS.join(', ')}`,
  )
}

/** The form that `grantOf` reads. */
export function grantText({ bucket, prefix, rights }: Grant): string {
  return `${bucket}${prefix === '' ? '' : `/${prefix}`}=${rights.join('+')}`
}

export async function createToken(
  sender: Sender,
  body: {
    readonly name: string
    readonly grants: readonly Grant[]
    readonly ttlSeconds: number | null
    readonly requestsPerSecond: number | null
  },
  signal: AbortSignal,
): Promise<NewTokenAnswer> {
  const { body: answer } = await sender.send(
    {
      method: 'POST',
      path: PATH,
      query: {},
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      statuses: [201],
    },
    sender.budget({ signal }),
  )
  return parseJson(answer) as NewTokenAnswer
}

export async function listTokens(
  sender: Sender,
  signal: AbortSignal,
): Promise<{ readonly tokens: readonly TokenAnswer[] }> {
  const answer = await getJson(sender, { path: PATH, has: 'tokens' }, signal)
  return answer as { tokens: readonly TokenAnswer[] }
}

export async function revokeToken(
  sender: Sender,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  await sender.send(
    {
      method: 'DELETE',
      path: `${PATH}/${name}`,
      query: {},
      headers: {},
      isRepeatable: false,
      statuses: [204],
      isDoneByStatus: true,
    },
    sender.budget({ signal }),
  )
}
