/**
 * Remembers across restarts which process (*life*) of each peer this node accepts (core/membership/life-fence.ts). A
 * newer life gets its link only after the disk records that the older life is no longer accepted.
 */
import {
  judgeLife,
  type KnownLives,
  type LifeVerdict,
  withNewcomer,
} from '../../core/membership/life-fence.ts'
import type { Encodable } from '../../ports/codec.ts'

/** The part of the node's state on disk that holds the fences (node-state.ts). */
export interface FenceStore {
  get(name: 'fences'): Encodable | undefined
  /** Resolves once durable. */
  set(name: 'fences', value: Encodable): Promise<void>
}

export class LifeFences {
  readonly #store: FenceStore
  readonly #known = new Map<string, KnownLives>()
  /** Peer → the store operation that its current life waits for before it gets its link. */
  readonly #saving = new Map<string, Promise<void>>()
  /** Whether the newest change could not be stored. */
  #isUnsaved = false

  constructor(store: FenceStore) {
    this.#store = store
    const saved = (store.get('fences') as readonly Encodable[] | undefined) ?? []
    for (const entry of saved) {
      const [peer, current, superseded] = entry as [string, number, number[]]
      this.#known.set(peer, { current, superseded })
    }
  }

  /** A life that waits for its fence counts as linked. Otherwise two processes could displace each other forever. */
  judge(peer: string, life: number, isLinked: boolean): LifeVerdict {
    return judgeLife(this.#known.get(peer), life, isLinked || this.#saving.has(peer))
  }

  /**
   * Accepts this life of the peer from now on. Resolves once the change is durable, and also if the disk cannot store
   * it. A life whose fence is already stored does not wait for the fences of other peers.
   */
  async take(peer: string, life: number): Promise<void> {
    const known = this.#known.get(peer)
    const isNew = known?.current !== life
    if (isNew) this.#known.set(peer, withNewcomer(known, life))
    if (isNew || this.#isUnsaved) this.#saving.set(peer, this.#save())
    const saving = this.#saving.get(peer)
    if (saving === undefined) return
    await saving
    if (this.#saving.get(peer) === saving) this.#saving.delete(peer)
  }

  /**
   * Stores all fences. A full disk must not keep a peer away: then the change holds in memory, and the next handshake
   * tries to store it again. If this node stops before that, an older life of the peer may be accepted again.
   */
  #save(): Promise<void> {
    this.#isUnsaved = false
    const entries = [...this.#known].map(([peer, { current, superseded }]): Encodable => [
      peer,
      current,
      [...superseded],
    ])
    return this.#store.set('fences', entries).catch(() => {
      this.#isUnsaved = true
    })
  }
}
