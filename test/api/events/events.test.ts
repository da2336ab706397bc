/** `GET /v1/events` at real nodes, as a live view reads it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type TestCluster } from '../test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(3)
})

afterAll(() => cluster.stop())

interface Event {
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
}

interface RequestCount {
  readonly op: string
  readonly level: string
  readonly code: string
  readonly count: number
}

/** The events of a new stream of a node; `return` closes it. */
async function* eventsOf(node: number): AsyncGenerator<Event> {
  const { clientPort } = cluster.nodes[node] as { clientPort: number }
  const abort = new AbortController()
  const { body } = await fetch(`http://127.0.0.1:${clientPort}/v1/events`, {
    signal: abort.signal,
  })
  let text = ''
  try {
    for await (const chunk of (body as ReadableStream<Uint8Array>).pipeThrough(
      new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>,
    )) {
      text += chunk
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? []
        if (name !== undefined) yield { name, data: JSON.parse(data ?? '') as Event['data'] }
      }
    }
  } finally {
    abort.abort()
  }
}

/** Reads on up to the first event that is wanted. */
async function until(
  events: AsyncGenerator<Event>,
  isWanted: (event: Event) => boolean,
): Promise<Event> {
  for (;;) {
    const { value, done } = await events.next()
    if (done === true) throw new Error('the stream has ended')
    if (isWanted(value)) return value
  }
}

test('events: each comes at the beginning, and shows what the single requests show', async () => {
  const events = eventsOf(0)
  const seen = new Map<string, Event>()
  while (seen.size < 4) {
    const { value } = (await events.next()) as { value: Event }
    seen.set(value.name, value)
  }
  expect([...seen.keys()].sort()).toEqual(['moves', 'repairs', 'requests', 'status'])
  // The values may have changed since: a new cluster still agrees on its identity.
  for (const [name, path] of [
    ['status', '/v1/cluster'],
    ['moves', '/v1/cluster/moves'],
  ] as const) {
    const single = JSON.parse((await cluster.request(0, path)).text) as object
    const members = Object.keys(seen.get(name)?.data ?? {})
    expect(members.sort()).toEqual(['time', ...Object.keys(single)].sort())
  }
  for (const { data } of seen.values()) {
    expect(Date.parse(String(data['time']))).toBeGreaterThan(0)
  }
  await events.return(undefined)
})

test('events: a request is counted, with its outcome and its time', async () => {
  const events = eventsOf(0)
  await until(events, ({ name }) => name === 'requests')
  await cluster.request(0, '/v1/kv/latest/k?consistency=all', { method: 'PUT', body: 'x' })
  const isCounted = ({ name, data }: Event): boolean =>
    name === 'requests' &&
    (data['counts'] as readonly RequestCount[]).some(
      ({ op, level, code, count }) =>
        op === 'put' && level === 'all' && code === 'ok' && count === 1,
    )
  const { data } = await until(events, isCounted)
  const bounds = data['boundsSeconds'] as readonly number[]
  const durations = data['durations'] as readonly { op: string; level: string; counts: number[] }[]
  const counts = durations.find(({ op, level }) => op === 'put' && level === 'all')?.counts ?? []
  expect(counts).toHaveLength(bounds.length + 1)
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1)
  await events.return(undefined)
})

test('events: a member that goes away is told, and so are the hints for it', async () => {
  const events = eventsOf(0)
  await until(events, ({ name }) => name === 'status')
  await cluster.nodes[2]?.stop()
  await until(
    events,
    ({ name, data }) =>
      name === 'status' &&
      (data['members'] as readonly { id: string; state: string }[]).some(
        ({ id, state }) => id === 'n3' && state !== 'up',
      ),
  )
  const put = { method: 'PUT', body: 'x' }
  await cluster.request(0, '/v1/kv/default/hinted?consistency=eventual', put)
  const { data } = await until(
    events,
    ({ name, data: { hintsStored } }) =>
      name === 'repairs' && ((hintsStored as Record<string, number>)['n3'] ?? 0) > 0,
  )
  expect(Object.keys(data)).toContain('readRepairs')
  await events.return(undefined)
})
