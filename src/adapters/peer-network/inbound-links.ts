/**
 * The links that peers have opened to this node, one for each peer. A process may move its link to a new connection.
 * The old connection stays in use until something has arrived on the new one, because the peer may have given the new
 * one up. Then the old one is read for a while, so that nothing that was under way is lost. The old connection of
 * another process ends at once.
 */
import type { Link } from './link.ts'

export interface Inbound {
  readonly link: Link
  readonly version: number
  readonly isPlain: boolean
  /** The process that opened it; undefined if an older version does not tell. */
  readonly life: number | undefined
}

export class InboundLinks {
  readonly #current = new Map<string, Inbound>()
  /** All that are open, with their peers. */
  readonly #open = new Map<Link, string>()

  get(peer: string): Inbound | undefined {
    return this.#current.get(peer)
  }

  has(peer: string): boolean {
    return this.#current.has(peer)
  }

  entries(): Iterable<[string, Inbound]> {
    return this.#current.entries()
  }

  values(): Iterable<Inbound> {
    return this.#current.values()
  }

  /** All that are open, also those that are not in use. */
  links(): readonly Link[] {
    return [...this.#open.keys()]
  }

  add(peer: string, inbound: Inbound): void {
    const old = this.#current.get(peer)
    const isSameProcess = old?.life !== undefined && old.life === inbound.life
    if (!isSameProcess) {
      this.close(peer, 'replaced by a new connection')
      this.#current.set(peer, inbound)
    }
    this.#open.set(inbound.link, peer)
  }

  /** Something has arrived on the link. */
  heard(peer: string, inbound: Inbound): void {
    const old = this.#current.get(peer)
    if (old?.link === inbound.link || !this.#open.has(inbound.link)) return
    this.#current.set(peer, inbound)
    old?.link.retire()
  }

  /** Closes all links of the peer. */
  close(peer: string, reason: string): void {
    for (const [link, of] of this.#open) if (of === peer) link.close(reason)
  }

  /** The link has closed. */
  forget(peer: string, link: Link): void {
    this.#open.delete(link)
    if (this.#current.get(peer)?.link === link) this.#current.delete(peer)
  }
}
