/**
 * Which process of each peer this node listens to (core/membership/life-fence.ts), across restarts of its own. A newer
 * life gets its link once it is on the disk that the older one is not listened to any more.
 */
import {
  judgeLife,
  type KnownLives,
  type LifeVerdict,
  withNewcomer,
} from '../../core/membership/life-fence.ts'
import type { Encodable } from '../../ports/codec.ts'

/** What a node keeps about itself (node-state.ts). */
export interface FenceStore {
  get(name: 'fences'): Encodable | undefined
  /** Resolves once durable. */
  set(name: 'fences', value: Encodable): Promise<void>
}

export class LifeFences {
  readonly #store: FenceStore
  readonly #known = new Map<string, KnownLives>()
  /** The peers whose current life gets its link once this has ended. */
  readonly #saving = new Map<string, Promise<void>>()
  /** Whether the disk did not take the newest change. */
  #isUnsaved = false

  constructor(store: FenceStore) {
    this.#store = store
    const saved = (store.get('fences') as readonly Encodable[] | undefined) ?? []
    for (const entry of saved) {
      const [peer, current, superseded] = entry as [string, number, number[]]
      this.#known.set(peer, { current, superseded })
    }
  }

  /** A life that waits for its fence counts as linked: else two processes could displace each other without end. */
  judge(peer: string, life: number, isLinked: boolean): LifeVerdict {
    return judgeLife(this.#known.get(peer), life, isLinked || this.#saving.has(peer))
  }

  /**
   * From now on the life is the one of that peer. Resolves once that is durable, or where the disk does not take it. A
   * life whose fence is stored does not wait for the fences of others.
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
   * A full disk must not keep a peer away: then the change holds in memory, and the next handshake stores it. It is lost
   * only if this node ends before that, and an older life of the peer then reaches it first.
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
