/**
 * What a request needs if the node asks for tokens (QUORATE_AUTH). Each row of the table of endpoints has one of these
 * rules, so no route can be forgotten.
 */
import type { Right } from '../../core/access/grant.ts'

export interface AccessRule {
  /**
   * `nothing`: strangers are answered, too. `token`: any valid token. `grant`: a grant with any right. Otherwise that
   * right.
   */
  readonly needs: 'nothing' | 'token' | 'grant' | Right
  /** The part of the store that a grant must cover. `operations`: the key of each operation in the body. */
  readonly over: 'none' | 'key' | 'prefix' | 'bucket' | 'everything' | 'operations'
}

/** Probes, and what is the same at every node: the interface's description and the files of the lab. */
export const OPEN: AccessRule = { needs: 'nothing', over: 'none' }
/** The answer has what the caller's grants cover, or nothing of buckets and keys. */
export const ANY_TOKEN: AccessRule = { needs: 'token', over: 'none' }
export const READ_KEY: AccessRule = { needs: 'read', over: 'key' }
export const WRITE_KEY: AccessRule = { needs: 'write', over: 'key' }
/** The bucket of the path, and the parameter `prefix`. */
export const READ_PREFIX: AccessRule = { needs: 'read', over: 'prefix' }
export const EACH_OPERATION: AccessRule = { needs: 'token', over: 'operations' }
export const SEE_BUCKET: AccessRule = { needs: 'grant', over: 'bucket' }
export const ADMIN_OF_BUCKET: AccessRule = { needs: 'admin', over: 'bucket' }
export const ADMIN: AccessRule = { needs: 'admin', over: 'everything' }

/** The rule in words, for the document of the interface and for errors. */
export function wordsOfRule({ needs, over }: AccessRule): string {
  if (needs === 'nothing') return 'no token'
  if (over === 'operations') return 'read or write over the key of each operation'
  if (needs === 'token') return 'any valid token'
  if (needs === 'grant') return 'any right over the bucket'
  return `${needs} over ${AREAS[over]}`
}

const AREAS: Readonly<Record<AccessRule['over'], string>> = {
  none: 'nothing',
  operations: 'each operation',
  key: 'the key',
  prefix: 'all keys with that prefix',
  bucket: 'the whole bucket',
  everything: 'all buckets',
}
