/**
 * Merges several streams of records, each in key order, into one. Each stream keeps one page, and asks for the next
 * page while this one is read.
 */
import { compareKeys } from '../../core/placement/key-order.ts'
import type { CutPage, CutRecord } from '../wire/asks/cut-asks.ts'

export interface KeyStream<Source> {
  readonly source: Source
  /** Loads the page of the keys after `after`; the first page if it is ''. */
  readonly load: (after: string) => Promise<CutPage>
}

export interface KeyRecords<Source> {
  readonly key: string
  /** One for each stream that has the key. */
  readonly records: readonly { readonly source: Source; readonly record: Uint8Array }[]
}

/** Every key of the streams once, in order. Rejects with the first error of a stream. */
export async function* mergedKeys<Source>(
  streams: readonly KeyStream<Source>[],
): AsyncGenerator<KeyRecords<Source>, void, undefined> {
  const cursors = streams.map((stream) => new Cursor(stream))
  for (;;) {
    for (const cursor of cursors) if (cursor.isDry) await cursor.refill()
    let key: string | undefined
    for (const { head } of cursors) {
      if (head === undefined) continue
      if (key === undefined || compareKeys(head.key, key) < 0) key = head.key
    }
    if (key === undefined) return
    const records: { source: Source; record: Uint8Array }[] = []
    for (const cursor of cursors) {
      if (cursor.head?.key !== key) continue
      records.push({ source: cursor.source, record: cursor.head.record })
      cursor.advance()
    }
    yield { key, records }
  }
}

class Cursor<Source> {
  readonly source: Source
  readonly #load: (after: string) => Promise<CutPage>
  #records: readonly CutRecord[] = []
  #at = 0
  /** Undefined after the last page. */
  #next: Promise<CutPage> | undefined
  #last = ''

  constructor({ source, load }: KeyStream<Source>) {
    this.source = source
    this.#load = load
    this.#ahead('')
  }

  get head(): CutRecord | undefined {
    return this.#records[this.#at]
  }

  get isDry(): boolean {
    return this.head === undefined && this.#next !== undefined
  }

  advance(): void {
    this.#at++
  }

  /** Resolves once there is a record, or the stream has ended. */
  async refill(): Promise<void> {
    while (this.#next !== undefined && this.head === undefined) {
      const { records, next } = await this.#next
      for (const { key } of records) {
        if (this.#last !== '' && compareKeys(this.#last, key) >= 0) {
          throw new Error('the keys of a page are not in order')
        }
        this.#last = key
      }
      this.#records = records
      this.#at = 0
      this.#next = undefined
      if (next !== undefined) this.#ahead(next)
    }
  }

  #ahead(after: string): void {
    this.#next = this.#load(after)
    // If another stream fails, nobody awaits this page, and its failure must not end the process.
    this.#next.catch(() => undefined)
  }
}
