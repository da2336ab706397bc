/**
 * Who this process is: each start takes up an incarnation of its own, and is listed in the directory before a message
 * can tell anybody of it.
 *
 * Invariant: an incarnation is one process's, so no dot is minted twice (riak_kv #679), not even where the
 * directory is an older copy of itself. That a clean stop came before is no proof: the copy may have been made
 * after it. Incarnations differ by the time at which they were made, and by chance.
 */
import type { NodeState } from './node-state.ts'
import { withNewLife } from './own-lives.ts'
import { LIVES_MAX } from './peer-lives.ts'
import { STORAGE_FORMAT } from '../storage/storage-keys.ts'

const INCARNATION_CHANCE = 1024

export interface NodeIdentity {
  /** `<node id>~<incarnation>`: the actor of the dots minted in this life. */
  readonly actor: string
  readonly incarnation: number
  /** A number of this process alone, which every frame carries. */
  readonly life: number
}

/** Takes up a new incarnation. Rejects where the directory is another node's or of an unknown format. */
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
  // In one batch: a list that lacks a life is of no use (own-lives.ts).
  const lives = withNewLife(state, life, incarnation).map((its) => [...its])
  await Promise.all([state.set('incarnation', incarnation), state.set('own-lives', lives)])
  if (format === undefined) await state.set('format', STORAGE_FORMAT)
  if (owner === undefined) await state.set('node', nodeId)
  return { actor: `${nodeId}~${incarnation.toString(36)}`, incarnation, life }
}
