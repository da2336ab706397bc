/** When the feed looks, and what each listener is told. */
import { expect, test } from 'vitest'
import { type Listener, type LiveEvent, LiveFeed } from '../../../src/api/events/live-feed.ts'
import type { ServerEvent } from '../../../src/api/http/event-stream.ts'

/** A source whose state and whose pauses the test controls. */
class Source {
  state: Record<string, string> = {}
  looks = 0
  #resume = (): void => undefined

  look(): Promise<readonly LiveEvent[]> {
    this.looks++
    return Promise.resolve(
      Object.entries(this.state).map(([name, version]) => ({ name, version, data: { version } })),
    )
  }

  pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve
    })
  }

  async next(): Promise<void> {
    this.#resume()
    await settled()
  }
}

class Reader implements Listener {
  isClosed = false
  readonly told: string[] = []
  /** Set to keep the reader from taking more. */
  isSlow = false
  #drain = (): void => undefined

  send(events: readonly ServerEvent[]): Promise<void> {
    for (const { name, data } of events) this.told.push(`${name} ${JSON.stringify(data)}`)
    if (!this.isSlow) return Promise.resolve()
    return new Promise((resolve) => {
      this.#drain = resolve
    })
  }

  async drain(): Promise<void> {
    this.isSlow = false
    this.#drain()
    await settled()
  }

  /** What was told since the last call. */
  news(): string[] {
    return this.told.splice(0)
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const a = (version: string): string => `a {"version":"${version}"}`
const b = (version: string): string => `b {"version":"${version}"}`

test('live feed: tells each event once, and again when it has changed', async () => {
  const source = new Source()
  source.state = { a: '1', b: '1' }
  const feed = new LiveFeed(source)
  const reader = new Reader()
  feed.add(reader)
  await settled()
  expect(reader.news()).toEqual([a('1'), b('1')])
  await source.next()
  expect(reader.news()).toEqual([])
  source.state = { a: '2', b: '1' }
  await source.next()
  expect(reader.news()).toEqual([a('2')])
  const later = new Reader()
  feed.add(later)
  await source.next()
  expect([reader.news(), later.news()]).toEqual([[], [a('2'), b('1')]])
})

test('live feed: a slow reader gets the newest state, and no other reader waits for it', async () => {
  const source = new Source()
  source.state = { a: '1' }
  const feed = new LiveFeed(source)
  const [slow, quick] = [new Reader(), new Reader()]
  slow.isSlow = true
  feed.add(slow)
  feed.add(quick)
  await settled()
  for (const version of ['2', '3', '4']) {
    source.state = { a: version }
    await source.next()
  }
  expect(quick.news()).toEqual(['1', '2', '3', '4'].map(a))
  expect(slow.news()).toEqual([a('1')])
  await slow.drain()
  await source.next()
  expect(slow.news()).toEqual([a('4')])
})

test('live feed: looks once for all listeners, and never without one', async () => {
  const source = new Source()
  const feed = new LiveFeed(source)
  await settled()
  expect(source.looks).toBe(0)
  const readers = [new Reader(), new Reader()] as const
  for (const reader of readers) feed.add(reader)
  await settled()
  expect([source.looks, feed.size]).toEqual([1, 2])
  for (const reader of readers) feed.remove(reader)
  await source.next()
  await source.next()
  expect([source.looks, feed.size]).toEqual([1, 0])
  feed.add(readers[0])
  await settled()
  expect(source.looks).toBe(2)
})
