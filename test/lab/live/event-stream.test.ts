/** The stream of a node's events: how it is read, and what happens when it ends, falls silent or is refused. */
import { describe, expect, it } from 'vitest'
import { EventParser, type ParsedEvent } from '../../../src/lab/live/event-parser.ts'
import { followEvents, SILENT_MS_MAX } from '../../../src/lab/live/event-stream.ts'

const encoder = new TextEncoder()

/** The events of a text that arrives in pieces of that size. */
function parsed(text: string, size: number): ParsedEvent[] {
  const parser = new EventParser()
  const bytes = encoder.encode(text)
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  )
  return pieces.flatMap((piece) => parser.take(piece))
}

describe('the parser', () => {
  const text =
    'retry: 1000\n\nevent: status\ndata: {"zone":"Zürich"}\n\n: a comment\nid: 7\ndata: one\ndata:two\n\nevent: cut off\ndata: x'
  const events = [
    { name: 'status', data: '{"zone":"Zürich"}' },
    { name: 'message', data: 'one\ntwo' },
  ]

  it.each([1, 2, 3, 7, 1000])('reads events that arrive in pieces of %i bytes', (size) => {
    expect(parsed(text, size)).toEqual(events)
  })

  it('takes all three line ends, wherever a piece ends', () => {
    for (const size of [1, 2, 5, 100]) {
      expect(parsed(text.replaceAll('\n', '\r\n'), size)).toEqual(events)
      expect(parsed(text.replaceAll('\n', '\r') + '\r\r', size).slice(0, 2)).toEqual(events)
    }
  })

  it.each([
    ['line', 'a'.repeat(1_000_000)],
    ['event', `data: ${'a'.repeat(999_000)}\n`],
  ])('gives up a %s that does not end', (_, piece) => {
    const parser = new EventParser()
    expect(() => {
      for (let i = 0; i < 10; i++) parser.take(encoder.encode(piece))
    }).toThrow('not one of events')
  })
})

/** A node whose answers a test gives, and timers that it runs. */
function followed(...answers: ((signal: AbortSignal) => Response | Promise<Response>)[]) {
  const told: string[] = []
  const timers = new Map<() => void, number>()
  const stop = followEvents(
    {
      open: async (signal) => {
        const answer = answers.shift()
        if (answer === undefined) throw new TypeError('failed to fetch')
        return answer(signal)
      },
      after: (ms, task) => {
        timers.set(task, ms)
        return () => void timers.delete(task)
      },
    },
    {
      event: ({ name, data }) => told.push(`${name} ${data}`),
      refused: (status, why) => told.push(`${status} ${why}`),
      ended: () => told.push('ended'),
    },
  )
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  return {
    told,
    stop,
    /** The times after which something happens. */
    due: () => [...timers.values()],
    settle,
    run: async (ms: number): Promise<void> => {
      const [task] = [...timers].find(([, after]) => after === ms)!
      timers.delete(task)
      task()
      await settle()
    },
  }
}

function stream(...texts: readonly string[]): Response {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const text of texts) controller.enqueue(encoder.encode(text))
      controller.close()
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

function endless(signal: AbortSignal): Response {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      signal.addEventListener('abort', () => controller.error(new Error('aborted')))
    },
  })
  return new Response(body)
}

function problem(status: number, detail: string): Response {
  return new Response(JSON.stringify({ title: 'No', detail }), { status })
}

describe('following', () => {
  it('tells the events, says when the stream has ended, and begins again after a second', async () => {
    const { told, run, settle, due, stop } = followed(
      () => stream('event: a\ndata: 1\n', '\n'),
      () => stream('data: 2\n\n'),
    )
    await settle()
    expect(told).toEqual(['a 1', 'ended'])
    expect(due()).toEqual([1000])
    await run(1000)
    expect(told).toEqual(['a 1', 'ended', 'message 2', 'ended'])
    await run(1000)
    expect(told.at(-1)).toBe('ended')
    stop()
    expect(due()).toEqual([])
  })

  it('gives up a stream that falls silent, and a node that never answers', async () => {
    const node = followed(
      endless,
      (signal) =>
        new Promise<Response>((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')))
        }),
    )
    await node.settle()
    expect(node.told).toEqual([])
    await node.run(SILENT_MS_MAX)
    expect(node.told).toEqual(['ended'])
    await node.run(1000)
    await node.run(SILENT_MS_MAX)
    expect(node.told).toEqual(['ended', 'ended'])
    node.stop()
  })

  it('tells why it is refused, and asks seldom while it is not let in', async () => {
    const { told, run, settle, due, stop } = followed(
      () => problem(401, 'this node asks for a token'),
      () => problem(503, 'the node starts'),
      () => new Response('<html>', { status: 502 }),
      () => stream('data: in\n\n'),
    )
    await settle()
    expect(told).toEqual(['401 this node asks for a token'])
    expect(due()).toEqual([15_000])
    await run(15_000)
    expect(due()).toEqual([1000])
    await run(1000)
    await run(1000)
    expect(told.slice(1, -1)).toEqual([
      '503 the node starts',
      '502 it answered with status 502',
      'message in',
    ])
    stop()
  })

  it('says nothing more once it is stopped', async () => {
    const node = followed(endless)
    await node.settle()
    node.stop()
    await node.settle()
    expect(node.told).toEqual([])
    expect(node.due()).toEqual([])
  })
})
