/**
 * The target of a request line in the one form that routes see: a path and a query.
 *
 * Invariant: each resource has one spelling. Any other spelling (a fragment, an encoded letter in the fixed part of a
 * path) is refused, because a proxy in front may have checked that other spelling.
 */
import { type ErrorCode, QuorateError } from '../../core/errors.ts'
import { KV_PREFIX } from './kv-path.ts'
import { quoted } from './query.ts'

const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)(.*)$/i

export interface RequestTarget {
  /** Begins with a slash, unless the target is in none of the known forms. */
  readonly path: string
  /** The host of a target in absolute form; it takes precedence over the Host header. */
  readonly authority: string | undefined
}

export function parseTarget(target: string): RequestTarget {
  if (target.startsWith('/')) return { path: target, authority: undefined }
  const [, authority, rest = ''] = ABSOLUTE_FORM.exec(target) ?? []
  if (authority === undefined) return { path: target, authority: undefined }
  return { path: rest.startsWith('/') ? rest : `/${rest}`, authority }
}

/** The error, if no route may see the path. */
export function targetRefusal(path: string): QuorateError | undefined {
  if (path.includes('#')) {
    return new QuorateError(fragmentCode(path), 'A request has no fragment: write # as %23.')
  }
  // Keys may have percent-encodings: kv-path.ts decodes them.
  if (path.startsWith(KV_PREFIX) || !path.includes('%')) return undefined
  const [fixed = ''] = path.split('?', 1)
  if (!fixed.includes('%')) return undefined
  return new QuorateError(
    'bad_request',
    `The path ${quoted(fixed)} has a percent-encoding: only keys may have one.`,
  )
}

function fragmentCode(path: string): ErrorCode {
  if (/^\/v1\/kv(?:\/[^/]*)?#/.test(path)) return 'bad_bucket'
  return path.startsWith(KV_PREFIX) ? 'bad_key' : 'bad_request'
}
