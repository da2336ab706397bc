/** Splits a stream of bytes into Server-Sent Events. */

export interface StreamEvent {
  /** `message` if the event has no name. */
  readonly name: string
  /** Where the stream continues behind this event; undefined if it says nothing about that. */
  readonly id: string | undefined
  readonly data: string
}

/** A longer event is no event of a node. */
const CHARACTERS_MAX = 1_048_576

export class EventParser {
  readonly #decoder = new TextDecoder()
  /** The begun line. */
  #line = ''
  #name = ''
  #id: string | undefined
  #data: string[] = []

  /** Returns the events that end in these bytes. Throws Error for a line that no node sends. */
  push(bytes: Uint8Array): readonly StreamEvent[] {
    const lines = (this.#line + this.#decoder.decode(bytes, { stream: true })).split('\n')
    this.#line = lines.pop() ?? ''
    if (this.#line.length > CHARACTERS_MAX) throw new Error('a line of the stream does not end')
    return lines.flatMap((line) => this.#take(line.replace(/\r$/, '')))
  }

  #take(line: string): readonly StreamEvent[] {
    if (line === '') return this.#end()
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? []
    if (field === 'event') this.#name = value
    else if (field === 'id') this.#id = value
    else if (field === 'data') this.#data.push(value)
    // Comments, pauses before connecting again, and what a later version adds.
    return []
  }

  #end(): readonly StreamEvent[] {
    const event = { name: this.#name || 'message', id: this.#id, data: this.#data.join('\n') }
    const isEvent = this.#data.length > 0
    this.#name = ''
    this.#id = undefined
    this.#data = []
    return isEvent ? [event] : []
  }
}
