/**
 * This room decides which life of the node this process is, what time it is (node-clock.ts), and whether the data
 * directory is the newest one that the node ever had (directory-proof.ts). A *life* is one process on a directory. The
 * room relies on `storage` for the node's own state (node-state.ts), and on the peers to tell what they have heard of
 * earlier lives. It decides nothing about the copies of keys.
 *
 * node-identity.ts takes the identity of this process. Each start takes a new incarnation, and is listed in the
 * directory before its first message.
 *
 * Invariant: two processes never share an incarnation, so no dot is minted twice (riak_kv #679). This holds even if the
 * directory is an older copy of itself. So a clean stop is no reason to keep the incarnation: the copy may have been
 * made after it. An incarnation contains the time of its start and a random number.
 */
import type { NodeState } from './node-state.ts'
import { withNewLife } from './own-lives.ts'
import { LIVES_MAX } from './peer-lives.ts'
import { STORAGE_FORMAT } from '../storage/storage-keys.ts'

const INCARNATION_CHANCE = 1024

export interface NodeIdentity {
  /** `<node id>~<incarnation>`: the actor of the dots that this life mints. */
  readonly actor: string
  readonly incarnation: number
  /** A random number of this process, which every frame carries. */
  readonly life: number
}

/** Takes a new incarnation. Rejects if the directory belongs to another node, or has an unknown format. */
export async function takeIdentity(
  state: NodeState,
  nodeId: string,
  wallMs: number,
  chance: (bound: number) => number,
): Promise<NodeIdentity> {
  const format = state.get('format')
  if (format !== undefined && format !== STORAGE_FORMAT) {
    throw new Error(
      `the data directory has format ${String(format)}, this version has ${STORAGE_FORMAT}`,
    )
  }
  const owner = state.get('node')
  if (owner !== undefined && owner !== nodeId) {
    throw new Error(`the data directory belongs to node ${String(owner)}, not to ${nodeId}`)
  }
  const last = state.get('incarnation') as number | undefined
  const made = wallMs * INCARNATION_CHANCE + chance(INCARNATION_CHANCE)
  const incarnation = Math.max((last ?? 0) + 1, made)
  const life = chance(LIVES_MAX)
  // Both values reach the disk in one batch, because both are queued in the same turn. They must not be separated,
  // because a list that lacks a life is useless (own-lives.ts).
  const lives = withNewLife(state, life, incarnation).map((its) => [...its])
  await Promise.all([state.set('incarnation', incarnation), state.set('own-lives', lives)])
  if (format === undefined) await state.set('format', STORAGE_FORMAT)
  if (owner === undefined) await state.set('node', nodeId)
  return { actor: `${nodeId}~${incarnation.toString(36)}`, incarnation, life }
}
