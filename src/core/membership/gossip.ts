/**
 * The updates that still have to be spread: each is sent a bounded number of times, the least sent first
 * (SWIM section 4.1). Holds at most one update per member, the newest, so it is bounded by the member list.
 */
import type { MembershipUpdate } from './update.ts'

export class Gossip {
  readonly #pending = new Map<string, { readonly update: MembershipUpdate; sent: number }>()

  /** Begins to spread `update`, in place of an older one about the same member. */
  spread(update: MembershipUpdate): void {
    this.#pending.set(update[0], { update, sent: 0 })
  }

  forget(id: string): void {
    this.#pending.delete(id)
  }

  /** Up to `max` updates for one message, not about the members in `except`; counts them as sent. */
  take(max: number, sentMax: number, except: readonly string[]): MembershipUpdate[] {
    const chosen = [...this.#pending.values()]
      .filter(({ update: [id] }) => !except.includes(id))
      .sort((a, b) => a.sent - b.sent)
      .slice(0, max)
    for (const entry of chosen) {
      entry.sent += 1
      if (entry.sent >= sentMax) this.#pending.delete(entry.update[0])
    }
    return chosen.map(({ update }) => update)
  }
}
