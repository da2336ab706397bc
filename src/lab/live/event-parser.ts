/**
 * Reads Server-Sent Events from the chunks of a response (HTML Living Standard, section 9.2), as far as nodes write
 * them. A browser's EventSource reads them, too, but cannot send a token.
 */
export interface ParsedEvent {
  readonly name: string
  readonly data: string
}

/** An event that is longer is no event of a node. */
const EVENT_LENGTH_MAX = 8_000_000

export class EventParser {
  readonly #decoder = new TextDecoder()
  #rest = ''
  /** The length of the present event so far. */
  #length = 0
  #name = ''
  #data: string[] = []

  /** The events that end in this chunk. Throws if an event does not end. */
  take(chunk: Uint8Array): ParsedEvent[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split(
      /\r\n|\n|\r(?!$)/,
    )
    this.#rest = lines.pop() ?? ''
    const events = lines.flatMap((line) => this.#line(line))
    if (this.#length + this.#rest.length > EVENT_LENGTH_MAX) {
      throw new Error('the stream is not one of events')
    }
    return events
  }

  #line(line: string): ParsedEvent[] {
    if (line === '') {
      const event = { name: this.#name || 'message', data: this.#data.join('\n') }
      const isEmpty = this.#data.length === 0
      this.#name = ''
      this.#data = []
      this.#length = 0
      return isEmpty ? [] : [event]
    }
    this.#length += line.length
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#name = value
    if (field === 'data') this.#data.push(value)
    return []
  }
}
