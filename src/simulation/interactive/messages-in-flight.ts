/** The messages between nodes that are on their way, with their kinds. */
import { msgpackCodec } from '../../adapters/codec/msgpack-codec.ts'
import { parseFrame } from '../../node/wire/messages.ts'
import type { Channel } from '../../ports/network.ts'
import type { Flight } from '../world/wires.ts'

/** One frame on its way: all messages that one node sent to another in one turn. */
export interface FlightView {
  readonly from: string
  readonly to: string
  readonly sentUs: number
  /** When it arrives, unless a cut stops it. A frame that a cut holds back stays after this time. */
  readonly dueUs: number
  readonly messages: readonly MessageView[]
}

export interface MessageView {
  /** The kind of the ask, also of an answer. */
  readonly kind: string
  /** `ok` or the code of a refusal; null for an ask. */
  readonly answer: string | null
}

type Item = readonly [id: number, kindOrCode: string, ...body: unknown[]]

/** Answers to the last asks are named. The others were lost, or their node has died. */
const ASKS_MAX = 10_000

/** An answer names only the id of its ask, so this remembers the asks that have arrived. */
export class AskKinds {
  /** The kind by `asker>answerer id`. */
  readonly #kinds = new Map<string, string>()

  take(from: string, to: string, channel: Channel, frame: Uint8Array): void {
    for (const [id, kind] of itemsOf(frame)) {
      if (channel === 'ask') this.#kinds.set(`${from}>${to} ${id}`, kind)
      else this.#kinds.delete(`${to}>${from} ${id}`)
    }
    for (const oldest of this.#kinds.keys()) {
      if (this.#kinds.size <= ASKS_MAX) break
      this.#kinds.delete(oldest)
    }
  }

  view({ from, to, channel, frame, sentUs, dueUs }: Flight): FlightView {
    const messages = itemsOf(frame).map(([id, word]): MessageView =>
      channel === 'ask'
        ? { kind: word, answer: null }
        : { kind: this.#kinds.get(`${to}>${from} ${id}`) ?? 'unknown', answer: word },
    )
    return { from, to, sentUs, dueUs, messages }
  }
}

function itemsOf(frame: Uint8Array): readonly Item[] {
  return parseFrame(msgpackCodec.decode(frame)).items as unknown as readonly Item[]
}
