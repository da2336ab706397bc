/**
 * The updates that still have to be spread. Each is sent a bounded number of times, the least often sent first (SWIM
 * section 4.1). It holds at most one update for each member, the newest.
 */
import type { MembershipUpdate } from './update.ts'

export class Gossip {
  readonly #pending = new Map<string, { readonly update: MembershipUpdate; sent: number }>()

  /** Starts to spread `update`. It replaces an older one about the same member. */
  spread(update: MembershipUpdate): void {
    this.#pending.set(update[0], { update, sent: 0 })
  }

  forget(id: string): void {
    this.#pending.delete(id)
  }

  /** Returns up to `max` updates for one message, none about the members in `except`, and counts them as sent. */
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
