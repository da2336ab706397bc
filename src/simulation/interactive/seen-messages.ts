/** The messages between nodes, with their kinds: those on their way, the last that arrived, and the last repairs. */
import { labelOf } from '../../core/placement/bucket-name.ts'
import { APPLY, APPLY_IS_REPAIR } from '../../node/wire/asks/copy-asks.ts'
import type { Channel } from '../../ports/network.ts'
import type { Flight } from '../world/wires.ts'
import { type Item, itemsOf } from './frame-items.ts'

/** One frame on its way: all messages that one node sent to another in one turn. */
export interface FlightView {
  readonly from: string
  readonly to: string
  readonly sentUs: number
  /** When it arrives. A cut may drop it, or hold it back beyond this time. */
  readonly dueUs: number
  readonly messages: readonly MessageView[]
}

export interface MessageView {
  /** The kind of the ask, also of an answer. */
  readonly kind: string
  /** `ok` or the code of a refusal; null for an ask. */
  readonly answer: string | null
}

/** One frame that has arrived. */
export interface ArrivalView {
  /** Counts all arrivals from 0. */
  readonly number: number
  readonly atUs: number
  readonly from: string
  readonly to: string
  readonly messages: readonly MessageView[]
}

/** A copy that one node sent to another because that one had missed it. */
export interface RepairView {
  readonly atUs: number
  readonly from: string
  readonly to: string
  readonly bucket: string
  readonly key: string
}

/** So many asks are remembered. An older ask gets no answer: it was lost, or its node has died. */
const ASKS_MAX = 10_000
const ARRIVALS_MAX = 300
const REPAIRS_MAX = 2000

/** An answer has only the id of its ask, so this remembers the kinds of the asks that have arrived. */
export class SeenMessages {
  /** `asker>answerer id` → the kind of the ask. */
  readonly #kinds = new Map<string, string>()
  readonly #arrivals: ArrivalView[] = []
  readonly #repairs: RepairView[] = []
  #arrivalEnd = 0

  /** The number of all frames that have arrived. */
  get arrivalEnd(): number {
    return this.#arrivalEnd
  }

  /** The newest repairs, the oldest of them first. */
  get repairs(): readonly RepairView[] {
    return this.#repairs
  }

  /** The frames that have arrived since the one with that number. Only the newest ones are kept. */
  arrivals(fromNumber: number): ArrivalView[] {
    return this.#arrivals.filter(({ number }) => number >= fromNumber)
  }

  /** A frame has arrived. */
  take(atUs: number, from: string, to: string, channel: Channel, frame: Uint8Array): void {
    const items = itemsOf(frame)
    const messages = this.#messagesOf(from, to, channel, items)
    this.#arrivals.push({ number: this.#arrivalEnd++, atUs, from, to, messages })
    if (this.#arrivals.length > 2 * ARRIVALS_MAX) this.#arrivals.splice(0, ARRIVALS_MAX)
    for (const item of items) {
      const [id, kind] = item
      if (channel === 'ask') this.#kinds.set(`${from}>${to} ${id}`, kind)
      else this.#kinds.delete(`${to}>${from} ${id}`)
      const repaired = channel === 'ask' ? repairedBy(item) : undefined
      if (repaired !== undefined) this.#repairs.push({ atUs, from, to, ...repaired })
    }
    if (this.#repairs.length > REPAIRS_MAX) this.#repairs.splice(0, REPAIRS_MAX / 2)
    for (const oldest of this.#kinds.keys()) {
      if (this.#kinds.size <= ASKS_MAX) break
      this.#kinds.delete(oldest)
    }
  }

  view({ from, to, channel, frame, sentUs, dueUs }: Flight): FlightView {
    return {
      from,
      to,
      sentUs,
      dueUs,
      messages: this.#messagesOf(from, to, channel, itemsOf(frame)),
    }
  }

  #messagesOf(
    from: string,
    to: string,
    channel: Channel,
    items: readonly Item[],
  ): readonly MessageView[] {
    return items.map(([id, word]) =>
      channel === 'ask'
        ? { kind: word, answer: null }
        : { kind: this.#kinds.get(`${to}>${from} ${id}`) ?? 'unknown', answer: word },
    )
  }
}

/** The key that an ask repairs; undefined if it is no repair. */
function repairedBy([, kind, , bucket, key, , flags]: Item):
  | { readonly bucket: string; readonly key: string }
  | undefined {
  const isRepair = kind === APPLY.kind && (Number(flags ?? 0) & APPLY_IS_REPAIR) !== 0
  return isRepair ? { bucket: labelOf(String(bucket)), key: String(key) } : undefined
}
