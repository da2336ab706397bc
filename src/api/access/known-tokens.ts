/**
 * Finds the caller of a token's text: the root token of this node, or a token of the topology document that the node
 * has. So a node knows of a new or revoked token once it has that document.
 *
 * Texts are compared as hashes, in constant time: the time of a comparison tells nothing about a stored hash, and a
 * stored hash tells nothing about a text.
 */
import { timingSafeEqual } from 'node:crypto'
import { type AccessToken, isExpired } from '../../core/access/access-token.ts'
import { ALL_BUCKETS, type Grant, RIGHTS } from '../../core/access/grant.ts'
import type { Topology } from '../../core/placement/topology.ts'
import { type Caller, ROOT } from './caller.ts'
import { hashOfText } from './token-text.ts'

const EVERYTHING: readonly Grant[] = [{ bucket: ALL_BUCKETS, prefix: '', rights: RIGHTS }]
const ROOT_CALLER: Caller = { name: ROOT, grants: EVERYTHING, token: undefined }

export class KnownTokens {
  readonly #rootHashes: readonly string[]
  #topology: Topology | undefined
  #byHash: ReadonlyMap<string, Caller> = new Map()

  /** The hashes of the root tokens. */
  constructor(rootHashes: readonly string[]) {
    this.#rootHashes = rootHashes
  }

  /** The caller, if the text is a root token. */
  findRoot(text: string): Caller | undefined {
    const hash = hashOfText(text)
    return this.#rootHashes.some((known) => isSame(known, hash)) ? ROOT_CALLER : undefined
  }

  /** The caller, if the text is a token of the topology that has not expired. */
  find(text: string, topology: Topology, nowMs: number): Caller | undefined {
    const hash = hashOfText(text)
    const caller = this.#index(topology).get(hash)
    if (caller?.token === undefined || !isSame(caller.token.hash, hash)) return undefined
    return isExpired(caller.token, nowMs) ? undefined : caller
  }

  /** Whether the caller's token is still valid. */
  isValid({ token }: Caller, topology: Topology, nowMs: number): boolean {
    if (token === undefined) return true
    return this.#index(topology).has(token.hash) && !isExpired(token, nowMs)
  }

  #index(topology: Topology): ReadonlyMap<string, Caller> {
    if (topology !== this.#topology) {
      const { tokens = [] } = topology
      this.#topology = topology
      this.#byHash = new Map(tokens.map((token) => [token.hash, callerOf(token)]))
    }
    return this.#byHash
  }
}

function callerOf(token: AccessToken): Caller {
  return { name: token.name, grants: token.grants, token }
}

/** Both are hashes in hex. */
function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
