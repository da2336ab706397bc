/** Reads for operators, which ask every member or wait long, are few at a time. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(3)
})

afterAll(() => cluster.stop())

async function statuses(path: string, count: number, method = 'GET'): Promise<number[]> {
  const url = `http://127.0.0.1:${cluster.nodes[0]?.clientPort}${path}`
  const answers = await Promise.all(
    Array.from({ length: count }, async () => {
      const answer = await fetch(url, { method })
      const text = await answer.text()
      if (answer.status === 503) expect(JSON.parse(text)).toMatchObject({ code: 'overloaded' })
      return answer.status
    }),
  )
  return answers.toSorted((a, b) => a - b)
}

test('operator reads: whoever asks for health or the cluster at the same time is answered', async () => {
  for (const path of ['/readyz', '/v1/cluster', '/v1/cluster/moves']) {
    expect(new Set(await statuses(path, 40))).toEqual(new Set([200]))
  }
})

test('operator reads: only some may wait for hints at a time', async () => {
  await cluster.nodes[2]?.stop()
  const write = '/v1/kv/default/hinted?consistency=eventual'
  let hints = 0
  while (hints === 0) {
    await cluster.request(0, write, { method: 'PUT', body: 'x' })
    const { text } = await cluster.request(0, '/v1/cluster/hints/sync?timeout=1', {
      method: 'POST',
    })
    hints = Object.keys((JSON.parse(text) as { remaining: object }).remaining).length
  }
  const found = await statuses('/v1/cluster/hints/sync?timeout=3000', 20, 'POST')
  expect(found).toEqual([...Array(4).fill(503), ...Array(16).fill(504)])
  await cluster.restart(2)
})
