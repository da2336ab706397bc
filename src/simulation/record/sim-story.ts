/** Records what happened in a run as lines for people, one line for each event. */
import { msgpackCodec } from '../../adapters/codec/msgpack-codec.ts'
import type { Channel } from '../../ports/network.ts'

export interface StoryLine {
  readonly atUs: number
  /** Undefined if the event concerns all nodes. */
  readonly node: string | undefined
  readonly text: string
}

/** The asks that are recorded: those that carry data. */
const TOLD_ASKS: ReadonlySet<string> = new Set([
  'apply',
  'hint',
  'read',
  'version',
  'read-hints',
  'put',
])
const LINES_MAX = 200_000

export class Story {
  readonly lines: StoryLine[] = []
  /** The asks under way, so that the line of an answer can name its ask. */
  readonly #asks = new Map<string, string>()

  note(atUs: number, node: string | undefined, text: string): void {
    this.lines.push({ atUs, node, text })
    if (this.lines.length > LINES_MAX) this.lines.splice(0, LINES_MAX / 2)
  }

  frame(atUs: number, from: string, to: string, channel: Channel, frame: Uint8Array): void {
    const [, , , , items] = msgpackCodec.decode(frame) as unknown as [
      number,
      number,
      number,
      number,
      [number, string, ...unknown[]][],
    ]
    for (const [id, kind, ...body] of items) {
      if (channel === 'ask') {
        if (!TOLD_ASKS.has(kind)) continue
        const [, ...fields] = body
        const key =
          kind === 'hint' ? `${String(fields[2])} for ${String(fields[0])}` : String(fields[1])
        this.#asks.set(`${from}>${to} ${id}`, `${kind} ${key}`)
        this.note(atUs, to, `${from} asks ${kind} ${key}`)
      } else {
        const ask = this.#asks.get(`${to}>${from} ${id}`)
        if (ask === undefined) continue
        this.#asks.delete(`${to}>${from} ${id}`)
        this.note(atUs, to, `${from} answers ${kind} to ${ask}`)
      }
    }
  }
}
