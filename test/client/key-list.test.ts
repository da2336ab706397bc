/** Lists of keys: pages, break, resuming, and data partitions that a cut hides. */
import { expect, test } from 'vitest'
import type { KeyList, ListedKey } from '../../src/client/quorate.ts'
import { testClient } from './test-client.ts'
import { problem } from './virtual-world.ts'

const KEYS = ['a', 'b c', 'd+e', 'f/g', 'ü']

/** A store with KEYS, in pages of the size that is asked for. */
function listing(extra: (asked: number) => Record<string, unknown> | Response = () => ({})) {
  const world = testClient()
  world.store.before = ({ query }) => {
    const more = extra(world.store.seen.length)
    if (more instanceof Response) return more
    const limit = Number(query.get('limit') ?? 100)
    const behind = KEYS.filter((key) => key > (query.get('after') ?? ''))
    const keys = behind.slice(0, limit).map((key) => ({ key, size: 1, siblings: 1, etag: '"1"' }))
    const next = behind.length > limit ? keys.at(-1)?.key : null
    return Response.json({ keys, next, complete: true, ...more })
  }
  return world
}

async function take(list: KeyList, count = KEYS.length): Promise<string[]> {
  const taken: ListedKey[] = []
  for await (const listed of list) if (taken.push(listed) >= count) break
  return taken.map(({ key }) => key)
}

test('a list loads page after page, and no more than is taken', async () => {
  const { clock, store, client } = listing()
  const list = client.bucket('default').keys({ pageSize: 2, prefix: '', conflicted: false })
  expect(await clock.run(take(list, 2))).toEqual(['a', 'b c'])
  expect(store.seen).toHaveLength(1)
  expect([list.cursor, list.missingPartitions.size]).toEqual(['b c', 0])
  expect(store.seen[0]?.query.toString()).toMatch(/^prefix=&limit=2&conflicted=false&timeout=\d+$/)
})

test('a list continues behind its cursor after break, and elsewhere', async () => {
  const { clock, client } = listing()
  const list = client.bucket('default').keys({ pageSize: 2 })
  expect(await clock.run(take(list, 3))).toEqual(KEYS.slice(0, 3))
  const elsewhere = client.bucket('default').keys({ pageSize: 2, after: list.cursor })
  expect(await clock.run(take(list))).toEqual(KEYS.slice(3))
  expect(await clock.run(take(list))).toEqual([])
  expect(await clock.run(take(elsewhere))).toEqual(KEYS.slice(3))
})

test('a list continues after an error without a hole', async () => {
  const { clock, client } = listing((asked) => (asked === 2 ? problem('bad_parameter') : {}))
  const list = client.bucket('default').keys({ pageSize: 2 })
  await expect(clock.run(take(list))).rejects.toMatchObject({ name: 'UsageError' })
  expect(list.cursor).toBe('b c')
  expect(await clock.run(take(list))).toEqual(KEYS.slice(2))
})

test('a page that lacks data partitions is asked for again elsewhere', async () => {
  const { clock, store, client } = listing((asked) =>
    asked === 1 ? { complete: false, missingPartitions: [3, 4] } : {},
  )
  expect(await clock.run(take(client.bucket('default').keys()))).toEqual(KEYS)
  expect(store.seen).toHaveLength(2)
})

test('a list that stays incomplete is an error, unless the program takes part of it', async () => {
  const { clock, store, client } = listing(() => ({ complete: false, missingPartitions: [3, 4] }))
  const whole = clock.run(take(client.bucket('default').keys()))
  await expect(whole).rejects.toMatchObject({ name: 'RejectedError', code: 'quorum_unreachable' })
  expect(store.seen).toHaveLength(5)
  const part = client.bucket('default').keys({ partial: true })
  expect(await clock.run(take(part))).toEqual(KEYS)
  expect([...part.missingPartitions]).toEqual([3, 4])
})

test('a page that does not get on ends after a bounded number of attempts', async () => {
  const { clock, store, client } = listing(() => ({ keys: [], next: 'a' }))
  const list = client.bucket('default').keys({ after: 'a', timeoutMs: 1000 })
  await expect(clock.run(take(list))).rejects.toMatchObject({ code: 'deadline_passed' })
  expect(store.seen).toHaveLength(5)
})

test('return gives up the page under way at once, and a later iteration asks for it again', async () => {
  const { clock, store, client } = listing()
  const answer = store.before
  store.before = (request) => {
    const isSilent = store.seen.length === 2
    return isSilent ? new Promise(() => undefined) : answer?.(request)
  }
  const list = client.bucket('default').keys({ pageSize: 2 })
  const keys = list[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => (await clock.run(keys.next())).value
  expect([await next(), await next()]).toMatchObject([{ key: 'a' }, { key: 'b c' }])
  const waiting = keys.next()
  let ended: Promise<unknown> | undefined
  clock.after(100, () => {
    ended = keys.return()
  })
  const done = { done: true, value: undefined }
  expect(await clock.run(waiting)).toEqual(done)
  expect([await ended, await keys.next()]).toEqual([done, done])
  expect([clock.nowMs(), clock.pending, list.cursor]).toEqual([100, 0, 'b c'])
  expect(await clock.run(take(list))).toEqual(KEYS.slice(2))
})
