/**
 * The fingerprint of a run. Every event that is visible outside a node goes into one hash, so that equal hashes mean
 * equal runs.
 */
import { hashText } from '../../core/hash/text-hash.ts'

export class Trace {
  #low = 0x9e3779b1
  #high = 0x85ebca6b

  /** `what` is the kind of the event; the numbers describe it. */
  note(what: number, a: number, b: number, c: number): void {
    let low = this.#low
    let high = this.#high
    low = Math.imul(low ^ what ^ a, 0x85ebca6b)
    high = Math.imul(high ^ b ^ (low >>> 15), 0xc2b2ae35)
    low = Math.imul(low ^ c ^ (high >>> 13), 0x27d4eb2f)
    this.#low = low ^ (low >>> 16)
    this.#high = high ^ (high >>> 15)
  }

  noteText(what: number, atUs: number, text: string): void {
    this.note(what, atUs | 0, hashText(text), text.length)
  }

  /** The hash as 16 hexadecimal digits. */
  hash(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')
    return hex(this.#high) + hex(this.#low)
  }
}

/** The kinds of events in a trace. */
export const TRACE_FRAME = 1
export const TRACE_LINK = 2
export const TRACE_FAULT = 3
export const TRACE_CALL = 4
