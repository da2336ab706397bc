/** The order of operations: those of one key and those in the session one by one, others side by side. */
import { expect, test } from 'vitest'
import type { BatchOperation } from '../../../src/api/batch/batch-request.ts'
import { runInLanes } from '../../../src/api/batch/lanes.ts'

const operation = (key: string, consistency?: string): BatchOperation => ({
  op: 'get',
  bucket: 'b',
  key,
  consistency,
  ttl: undefined,
  headers: {},
  body: Buffer.alloc(0),
})

/** Runs the operations; the test ends each of them. */
class Running {
  /** The places of the operations that run, in the order in which they began. */
  readonly now: number[] = []
  readonly all: Promise<void>
  readonly #ends = new Map<number, () => void>()

  constructor(operations: readonly BatchOperation[]) {
    const causal = operations.filter(({ consistency }) => consistency === 'causal')
    this.all = runInLanes(operations, new Set(causal), (_operation, at) => {
      this.now.push(at)
      return new Promise((resolve) => this.#ends.set(at, resolve))
    })
  }

  async end(at: number): Promise<void> {
    this.now.splice(this.now.indexOf(at), 1)
    this.#ends.get(at)?.()
    await settled()
  }
}

/** Lets everything happen that needs no event from outside. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('lanes: operations of one key run one by one, beside those of others', async () => {
  const running = new Running([operation('a'), operation('a'), operation('b'), operation('a')])
  await settled()
  expect(running.now).toEqual([0, 2])
  await running.end(2)
  expect(running.now).toEqual([0])
  await running.end(0)
  expect(running.now).toEqual([1])
  await running.end(1)
  expect(running.now).toEqual([3])
  await running.end(3)
  await running.all
})

test('lanes: operations in the session run one by one, also of different keys', async () => {
  const running = new Running([
    operation('a', 'causal'),
    operation('b'),
    operation('c', 'causal'),
    operation('a'),
    operation('b', 'causal'),
  ])
  await settled()
  expect(running.now).toEqual([0, 1])
  await running.end(0)
  expect(running.now).toEqual([1, 2, 3])
  await running.end(2)
  await running.end(3)
  expect(running.now).toEqual([1])
  await running.end(1)
  expect(running.now).toEqual([4])
  await running.end(4)
  await running.all
})

test('lanes: at most 16 operations run at once', async () => {
  const running = new Running(Array.from({ length: 20 }, (_, i) => operation(String(i))))
  await settled()
  expect(running.now).toEqual(Array.from({ length: 16 }, (_, i) => i))
  await running.end(5)
  expect(running.now).toHaveLength(16)
  expect(running.now).toContain(16)
  while (running.now.length > 0) await running.end(running.now[0] as number)
  await running.all
})

test('lanes: no operations end at once', async () => {
  await new Running([]).all
})
