/** `watch` against servers that stream as a node streams: what it writes, where it continues, and how it ends. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ERRORS, type ErrorCode } from '../../src/core/errors.ts'
import { type CliEnded, type CliOptions, quorate } from './cli-run.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const servers: Server[] = []
let endpoints: string[]
/** One answer for each request, at whatever server. The last one is repeated. */
let answers: Answer[]
/** The server and the query of each request. */
let asked: { readonly server: number; readonly query: Record<string, string> }[]

beforeEach(async () => {
  answers = []
  asked = []
  endpoints = []
  for (const server of [0, 1]) {
    const listening = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://node')
      expect(pathname).toBe('/v1/watch/carts')
      asked.push({ server, query: Object.fromEntries(searchParams) })
      answers[Math.min(asked.length, answers.length) - 1]?.(request, response)
    }).listen(0, '127.0.0.1')
    await once(listening, 'listening')
    servers.push(listening)
    endpoints.push(`http://127.0.0.1:${(listening.address() as AddressInfo).port}`)
  }
})

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

function run(line: string, options: CliOptions = {}): Promise<CliEnded> {
  return quorate(line, { endpoints, ...options })
}

const event = (name: string, id: string, data: object): string =>
  `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`
const beat = (id: string, missingPartitions: readonly number[] = []): string =>
  event('heartbeat', id, {
    complete: missingPartitions.length === 0,
    toldUntil: '2026-01-01T00:00:00.000Z',
    ...(missingPartitions.length === 0 ? {} : { missingPartitions }),
  })
const put = (id: string, key: string, size = 4): string =>
  event('message', id, { type: 'put', key, size, siblings: 1, etag: '"1"' })
const gone = (id: string, key: string): string => event('message', id, { type: 'delete', key })
const reset = event('reset', '0', { reason: 'changes were missed' })
const complete = (id: string): string => event('complete', id, {})

/** Streams the events, and leaves the stream open. */
function stream(...events: readonly string[]): Answer {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`retry: 1000\n\n${events.join('')}`)
  }
}

/** Streams the events, and then the connection breaks. */
function broken(...events: readonly string[]): Answer {
  return (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(events.join(''), () => setImmediate(() => request.socket.destroy()))
  }
}

function problem(code: ErrorCode): Answer {
  const { status, outcome, retryable, title } = ERRORS[code]
  const body = { code, status, outcome, retryable, title, detail: `The detail of ${code}.` }
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/problem+json' })
    response.end(JSON.stringify(body))
  }
}

describe('a watch writes', () => {
  test('one change a line, until the limit', async () => {
    answers = [stream(beat('a'), put('b', 'anna'), gone('c', 'ben'), put('d', 'cleo'))]
    expect(await run('watch carts --prefix x/ --limit 2')).toEqual({
      code: 0,
      printed: 'put anna\ndelete ben\n',
      bytes: expect.anything(),
      complained: '',
    })
    expect(asked.map(({ query }) => query)).toEqual([{ prefix: 'x/' }])
  })

  test('one line for a key that looks like several lines', async () => {
    const key = 'x\nput forged\r\ncomplete\u001b[2J'
    answers = [stream(beat('a'), put('b', key), gone('c', String.raw`x\nput forged`))]
    expect((await run('watch carts --limit 2')).printed.split('\n')).toEqual([
      String.raw`put x\nput forged\r\ncomplete\u{1b}[2J`,
      String.raw`delete x\\nput forged`,
      '',
    ])
  })

  test('a table to a terminal, in which no key can change the terminal', async () => {
    answers = [
      stream(beat('a'), put('b', 'anna'), reset, put('0', 'ben\u001b[2J', 1000), complete('d')),
      stream(gone('e', 'ben')),
    ]
    const { code, printed, complained } = await run('watch carts --limit 2', { terminal: 80 })
    expect({ code, complained }).toEqual({
      code: 0,
      complained: 'Watching carts. Ctrl-C ends it.\n',
    })
    const time = /^\d\d:\d\d:\d\d /
    const [head, ...lines] = printed.trimEnd().split('\n')
    expect(head).toBe('time      change        bytes  siblings  key')
    expect(lines.every((line) => time.test(line))).toBe(true)
    expect(lines.map((line) => line.replace(time, ''))).toEqual([
      ' put               4         1  anna',
      ' reset     changes were missed: forget every key, because all keys follow',
      ' put            1000         1  ben\\u{1b}[2J',
    ])
  })

  test('every key and then its changes, if that is asked for', async () => {
    // While the keys are listed, all data partitions are missing. That is nothing to tell.
    answers = [stream(beat('0', [1, 2]), put('0', 'anna'), complete('b'), gone('c', 'anna'))]
    const { printed, complained } = await run('watch carts --everything --limit 2', {
      terminal: 80,
    })
    expect(complained).toBe('Watching carts. Ctrl-C ends it.\n')
    expect(asked.map(({ query }) => query)).toEqual([{ since: '0' }])
    expect(printed).toMatch(
      /put .* anna\n.* complete {2}all keys have been shown\n.* delete .* anna\n$/,
    )
  })

  test('objects of JSON, each with a position at which a later watch continues', async () => {
    answers = [
      stream(
        beat('a', [7]),
        put('b', 'anna'),
        reset,
        put('0', 'ben'),
        complete('c'),
        gone('d', 'ben'),
      ),
    ]
    const { printed, complained } = await run('watch carts --json --after z --limit 3')
    const nothing = { key: null, size: null, siblings: null, etag: null }
    expect(
      printed
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      {
        type: 'progress',
        toldUntil: '2026-01-01T00:00:00.000Z',
        missingPartitions: [7],
        position: 'z',
      },
      { type: 'put', key: 'anna', size: 4, siblings: 1, etag: '"1"', position: 'a' },
      { type: 'reset', ...nothing, position: 'b' },
      { type: 'put', key: 'ben', size: 4, siblings: 1, etag: '"1"', position: '0' },
      { type: 'complete', ...nothing, position: '0' },
      { ...nothing, type: 'delete', key: 'ben', position: 'c' },
    ])
    expect(complained).toBe('')
    expect(asked.map(({ query }) => query)).toEqual([{ since: 'z' }])
  })

  test('a hint when it falls behind, and when it no longer is', async () => {
    answers = [stream(beat('a'), beat('b', [1, 2]), beat('b', [1, 2]), beat('c'), put('d', 'x'))]
    expect((await run('watch carts --limit 1')).complained).toBe(
      'quorate watch: 2 data partitions are out of reach, so their changes may come late\n' +
        'quorate watch: all data partitions are in reach again\n',
    )
  })
})

describe('a watch continues', () => {
  test('at another endpoint, when its node dies', async () => {
    answers = [broken(beat('a'), put('b', 'anna')), stream(beat('b'), put('c', 'ben'))]
    expect(await run('watch carts --limit 2')).toMatchObject({
      code: 0,
      printed: 'put anna\nput ben\n',
      complained: '',
    })
    const [first, second] = asked
    expect(asked).toHaveLength(2)
    expect(second?.server).not.toBe(first?.server)
    expect([first?.query, second?.query]).toEqual([{}, { since: 'b' }])
  })

  test('with every key, and says so, if its position is gone', async () => {
    answers = [
      problem('watch_position_gone'),
      stream(beat('0'), put('0', 'anna'), complete('b'), put('c', 'ben')),
    ]
    expect(await run('watch carts --after old --limit 2')).toMatchObject({
      code: 0,
      printed: 'reset\nput anna\ncomplete\nput ben\n',
    })
    expect(asked.map(({ query }) => query)).toEqual([{ since: 'old' }, { since: '0' }])
  })
})

describe('a watch ends', () => {
  test.each([
    [2, 'watch carts --everything --after x', '--everything does not go with --after'],
    [2, 'watch carts --limit 0', '--limit 0: must be'],
    [2, 'watch carts key', 'key'],
  ])('with %i: %s', async (code, line, told) => {
    const ended = await run(line)
    expect(ended).toMatchObject({ code, printed: '', complained: expect.stringContaining(told) })
    expect(asked).toEqual([])
  })

  test.each([
    [2, 'bad_parameter'],
    [3, 'bucket_unknown'],
    [6, 'overloaded'],
  ] as const)('with %i after %s', async (code, refusal) => {
    answers = [problem(refusal)]
    const ended = await run('watch carts --timeout 600ms')
    expect(ended).toMatchObject({
      code,
      printed: '',
      complained: expect.stringContaining(`code ${refusal}`),
    })
  })

  test('with 8 when no endpoint answers any more', async () => {
    answers = [
      (request, response) => {
        broken(beat('a'), put('b', 'anna'))(request, response)
        for (const server of servers) server.close()
      },
    ]
    const { code, printed, complained } = await run('watch carts --timeout 600ms')
    expect({ code, printed }).toEqual({ code: 8, printed: 'put anna\n' })
    expect(complained).toContain('code unreachable')
  })

  test('with 130 after Ctrl-C, and its stream is closed', async () => {
    const stop = new AbortController()
    let closed: Promise<unknown> | undefined
    answers = [
      (request, response) => {
        closed = once(response, 'close')
        stream(beat('a'))(request, response)
        stop.abort(new DOMException('stopped', 'AbortError'))
      },
    ]
    const ended = await run('watch carts', { stop: stop.signal })
    expect(ended).toMatchObject({ code: 130, printed: '', complained: '' })
    await closed
  })
})
