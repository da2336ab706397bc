/** Watches: events in pieces, other nodes after silence, positions that are gone, break, and signals. */
import { ReadableStream as WebStream } from 'node:stream/web'
import { describe, expect, test } from 'vitest'
import { createClient, type KeyWatch, type WatchEvent } from '../../src/client/quorate.ts'
import { EventParser } from '../../src/client/request/event-parser.ts'
import { URLS } from './test-client.ts'
import {
  type Behaviour,
  fixedRandom,
  problem,
  stayCut,
  VirtualClock,
  virtualFetch,
} from './virtual-world.ts'

/** What a stream does after its events: it stays open, ends, or breaks off. */
type End = 'silent' | 'end' | 'break'

interface Served {
  readonly node: string
  readonly since: string | null
  isCancelled: boolean
}

const beat = (id: string, more: object = {}): string =>
  `event: heartbeat\nid: ${id}\ndata: ${JSON.stringify({ complete: true, toldUntil: null, ...more })}\n\n`
const put = (key: string, id: string): string =>
  `id: ${id}\ndata: {"type":"put","key":"${key}","size":1,"siblings":1,"etag":"\\"1\\""}\n\n`
const gone = (key: string, id: string): string =>
  `id: ${id}\ndata: {"type":"delete","key":"${key}"}\n\n`

/** What a node answers. `cut`: nothing, and the connection stays. */
type Step = Response | 'cut' | { readonly text: string; readonly end: End }

const DONE = { done: true, value: undefined }

/** Nodes that answer one stream after the other as the script says. The last one is repeated. */
function watched(script: readonly Step[]) {
  const clock = new VirtualClock()
  const served: Served[] = []
  const serve = (node: string): Behaviour => {
    return (request) => {
      const { url } = request
      const { pathname, searchParams } = new URL(url)
      expect([pathname, searchParams.has('timeout')]).toEqual(['/v1/watch/default', false])
      const one: Served = { node, since: searchParams.get('since'), isCancelled: false }
      served.push(one)
      const step = script[Math.min(served.length, script.length) - 1]
      if (step instanceof Response) return step.clone()
      if (step === 'cut') return stayCut(request)
      const { text = '', end = 'silent' } = step ?? {}
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.enqueue(new TextEncoder().encode(`retry: 1000\n\n${text}`))
          if (end === 'end') controller.close()
        },
        pull: (controller) => {
          if (end === 'break') controller.error(new TypeError('terminated'))
        },
        cancel: () => void (one.isCancelled = true),
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    }
  }
  const nodes = URLS.map((url, i): [string, Behaviour] => [url, serve(`n${i + 1}`)])
  const fetch = virtualFetch(Object.fromEntries(nodes))
  const client = createClient({ endpoints: URLS, clock, random: fixedRandom(0), fetch })
  return { clock, client, served }
}

async function take(watch: KeyWatch, count: number): Promise<WatchEvent[]> {
  const taken: WatchEvent[] = []
  for await (const event of watch) if (taken.push(event) >= count) break
  return taken
}

const keysOf = (events: readonly WatchEvent[]): string[] =>
  events.map((event) => ('key' in event ? event.key : event.type))

describe('a watch', () => {
  test('gives changes, says how far it is told, and ends its connection on break', async () => {
    const heartbeat = beat('a', {
      complete: false,
      toldUntil: '2026-01-01T00:00:00.000Z',
      missingPartitions: [3],
    })
    const text = heartbeat + put('x', 'b') + gone('y', 'c') + put('z', 'd')
    const { clock, client, served } = watched([{ text, end: 'silent' }])
    const watch = client.bucket('default').watch({ prefix: 'p' })
    expect(await clock.run(take(watch, 2))).toEqual([
      { type: 'put', key: 'x', size: 1, siblings: 1, etag: '"1"' },
      { type: 'delete', key: 'y' },
    ])
    expect(watch.toldUntil).toEqual(new Date('2026-01-01T00:00:00Z'))
    expect([...watch.missingPartitions]).toEqual([3])
    expect(served).toEqual([{ node: 'n1', since: null, isCancelled: true }])
    // The program may not have finished with the event at which it stopped.
    expect(watch.position).toBe('b')
    expect(clock.pending).toBe(0)
  })

  test('tells its progress if that is asked for', async () => {
    const late = beat('b', { toldUntil: '2026-01-01T00:00:00.000Z', missingPartitions: [3] })
    const { clock, client } = watched([{ text: beat('a') + put('x', 'b') + late, end: 'silent' }])
    const watch = client.bucket('default').watch({ progress: true })
    expect(await clock.run(take(watch, 3))).toEqual([
      { type: 'progress', toldUntil: undefined, missingPartitions: new Set() },
      expect.objectContaining({ type: 'put', key: 'x' }),
      {
        type: 'progress',
        toldUntil: new Date('2026-01-01T00:00:00Z'),
        missingPartitions: new Set([3]),
      },
    ])
  })

  test('continues behind its position, also elsewhere', async () => {
    const { clock, client, served } = watched([{ text: put('x', 'b'), end: 'silent' }])
    const after = client.bucket('default').watch({ after: 'pos' })
    await clock.run(take(after, 1))
    await clock.run(take(after, 1))
    await clock.run(take(client.bucket('default').watch({ everything: true }), 1))
    expect(served.map(({ since }) => since)).toEqual(['pos', 'pos', '0'])
    expect(() => client.bucket('default').watch({ after: 'pos', everything: true })).toThrow(
      TypeError,
    )
  })

  test.each(['silent', 'end', 'break'] as const)(
    'continues at another node if one is over: %s',
    async (end) => {
      const { clock, client, served } = watched([
        { text: beat('a') + put('x', 'b'), end },
        { text: beat('b') + put('y', 'c'), end: 'silent' },
      ])
      expect(keysOf(await clock.run(take(client.bucket('default').watch(), 2)))).toEqual(['x', 'y'])
      expect(served.map(({ node, since }) => [node, since])).toEqual([
        ['n1', null],
        ['n2', 'b'],
      ])
      expect(clock.nowMs()).toBe((end === 'silent' ? 25_000 : 0) + 250)
    },
  )

  test('begins with every key, and says so, if its changes are gone', async () => {
    const refusal = problem('watch_position_gone')
    const everything = `${put('x', '0')}event: complete\nid: e\ndata: {}\n\n`
    const { clock, client, served } = watched([refusal, { text: everything, end: 'silent' }])
    const events = await clock.run(take(client.bucket('default').watch({ after: 'old' }), 3))
    expect(keysOf(events)).toEqual(['reset', 'x', 'complete'])
    expect(served.map(({ since }) => since)).toEqual(['old', '0'])
  })

  test('that is cut while all keys are told begins again, and says so', async () => {
    const { clock, client, served } = watched([
      { text: beat('0') + put('x', '0'), end: 'break' },
      { text: `${put('y', '0')}event: complete\nid: e\ndata: {}\n\n`, end: 'end' },
      { text: put('z', 'f'), end: 'silent' },
    ])
    const watch = client.bucket('default').watch({ everything: true })
    const events = keysOf(await clock.run(take(watch, 5)))
    expect(events).toEqual(['x', 'reset', 'y', 'complete', 'z'])
    expect(served.map(({ since }) => since)).toEqual(['0', '0', 'e'])
  })

  test('that continues amid all keys tells a reset first', async () => {
    const everything = `${put('x', '0')}event: complete\nid: e\ndata: {}\n\n`
    const { clock, client } = watched([{ text: everything, end: 'silent' }])
    const events = await clock.run(take(client.bucket('default').watch({ after: '0' }), 3))
    expect(keysOf(events)).toEqual(['reset', 'x', 'complete'])
  })

  test('passes on a reset of the node, and what a later version adds is ignored', async () => {
    const reset = 'event: reset\nid: 0\ndata: {"reason":"missed"}\n\n'
    const later = 'event: later\nid: x\ndata: {}\n\n'
    const { clock, client } = watched([{ text: later + reset + put('x', '0'), end: 'silent' }])
    expect(keysOf(await clock.run(take(client.bucket('default').watch(), 2)))).toEqual([
      'reset',
      'x',
    ])
  })

  test('ends if no node answers in time, and with its signal', async () => {
    const busy = watched([problem('overloaded')])
    const watch = busy.client.bucket('default').watch({ timeoutMs: 3000 })
    await expect(busy.clock.run(take(watch, 1))).rejects.toMatchObject({ code: 'overloaded' })
    expect(busy.clock.nowMs()).toBeLessThanOrEqual(3000)
    const unknown = watched([problem('bucket_unknown')])
    const none = unknown.clock.run(take(unknown.client.bucket('default').watch(), 1))
    await expect(none).rejects.toMatchObject({ code: 'bucket_unknown' })
    const page = watched([new Response('<html>')])
    const proxied = page.clock.run(take(page.client.bucket('default').watch(), 1))
    await expect(proxied).rejects.toMatchObject({ name: 'RejectedError' })

    const open = watched([{ text: beat('a'), end: 'silent' }])
    const controller = new AbortController()
    const reason = new Error('enough')
    open.clock.after(100, () => controller.abort(reason))
    const { signal } = controller
    const aborted = open.clock.run(take(open.client.bucket('default').watch({ signal }), 1))
    await expect(aborted).rejects.toBe(reason)
    expect(open.served[0]?.isCancelled).toBe(true)
  })

  test.each<[string, Step]>([
    ['reads', { text: beat('a'), end: 'silent' }],
    ['pauses between two nodes', { text: beat('a'), end: 'end' }],
    ['connects', 'cut'],
  ])('ends at once if its iterator is told to return while it %s', async (_what, step) => {
    const { clock, client } = watched([step])
    const events = client.bucket('default').watch()[Symbol.asyncIterator]()
    let ended: Promise<unknown> | undefined
    clock.after(100, () => {
      ended = events.return()
    })
    expect(await clock.run(events.next())).toEqual(DONE)
    expect(await ended).toEqual(DONE)
    expect([clock.nowMs(), clock.pending]).toEqual([100, 0])
    expect(await events.next()).toEqual(DONE)
  })

  test('ends its connection when a stream that reads it is cancelled', async () => {
    const { clock, client, served } = watched([{ text: beat('a') + put('x', 'b'), end: 'silent' }])
    const watch = client.bucket('default').watch()
    const reader = WebStream.from(watch).getReader()
    expect(await clock.run(reader.read())).toMatchObject({ value: { key: 'x' } })
    const waiting = reader.read()
    await clock.run(reader.cancel())
    expect(await waiting).toEqual(DONE)
    expect(served).toEqual([{ node: 'n1', since: null, isCancelled: true }])
    expect([clock.nowMs(), clock.pending]).toEqual([0, 0])
    // A later iteration continues behind the key.
    expect(watch.position).toBe('b')
  })

  test('rejects with a FormatError for what is not a change', async () => {
    const { clock, client } = watched([{ text: 'data: what\n\n', end: 'silent' }])
    const events = clock.run(take(client.bucket('default').watch(), 1))
    await expect(events).rejects.toMatchObject({ name: 'FormatError' })
  })

  test('ends with its client, and is none in a batch', async () => {
    const { clock, client } = watched([{ text: beat('a'), end: 'silent' }])
    clock.after(50, () => void client.close())
    const events = clock.run(take(client.bucket('default').watch(), 1))
    await expect(events).rejects.toMatchObject({ name: 'AbortError' })
    const other = watched([])
    const batch = other.client.batch((calls) => [
      calls.bucket('default').watch()[Symbol.asyncIterator]().next(),
    ])
    await expect(batch).rejects.toThrow('a batch watches no keys')
  })
})

test('events are the same, in whatever pieces they arrive', () => {
  const text = `: comment\nretry: 5\n\n${put('ü', 'b')}event:x\r\ndata\r\ndata: 1\r\n\r\n${beat('c')}`
  const bytes = new TextEncoder().encode(text)
  const whole = new EventParser().push(bytes)
  expect(whole.map(({ name, id, data }) => [name, id, data])).toEqual([
    ['message', 'b', '{"type":"put","key":"ü","size":1,"siblings":1,"etag":"\\"1\\""}'],
    ['x', undefined, '\n1'],
    ['heartbeat', 'c', '{"complete":true,"toldUntil":null}'],
  ])
  for (let size = 1; size < bytes.length; size++) {
    const parser = new EventParser()
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      parser.push(bytes.subarray(i * size, (i + 1) * size)),
    )
    expect(pieces.flat()).toEqual(whole)
  }
  const endless = new TextEncoder().encode('data: ' + 'x'.repeat(1_048_577))
  expect(() => new EventParser().push(endless)).toThrow('does not end')
})
