/** Lists of keys over HTTP: the next page is found without putting a key into a query, whatever the key is made of. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster(3)
})
afterAll(() => cluster.stop())

const ENDS = [
  '',
  '+',
  '+2',
  '&',
  '#',
  '%41',
  'é',
  ' ',
  '\n',
  '\0',
  '=',
  '?',
  '"',
  '<',
  '>',
  ';',
  ',',
  '/',
  '🦊',
]
const KEYS = ENDS.map((end) => `p+${end}`)
const SORTED = [...KEYS].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

interface Page {
  readonly keys: readonly { readonly key: string }[]
  readonly next: string | null
  readonly complete: boolean
}

/** Follows the links of the answers from `path` to the end. */
async function walk(path: string): Promise<Page[]> {
  const pages: Page[] = []
  for (let target: string | undefined = path; target !== undefined;) {
    const { status, text, headers } = await cluster.request(pages.length % 3, target)
    expect(status).toBe(200)
    const page = JSON.parse(text) as Page
    pages.push(page)
    target = /^<([^>]+)>; rel="next"$/.exec(headers['link'] ?? '')?.[1]
    expect(target === undefined).toBe(page.next === null)
    expect(pages.length).toBeLessThan(100)
  }
  return pages
}

it('leads from page to page by a link, whatever characters the keys have', async () => {
  for (const key of KEYS) {
    const path = `/v1/kv/latest/${encodeURIComponent(key)}`
    expect((await cluster.request(0, path, { method: 'PUT', body: 'x' })).status).toBe(204)
  }
  const pages = await walk(`/v1/keys/latest?prefix=${encodeURIComponent('p+')}&limit=2`)
  expect(pages.flatMap(({ keys }) => keys.map(({ key }) => key))).toEqual(SORTED)
  expect(pages.every(({ complete }) => complete)).toBe(true)
  // A full page that is the last one leads nowhere.
  expect((await walk(`/v1/keys/latest?prefix=p%2B&limit=${KEYS.length}`)).length).toBe(1)
})

it('keeps in the link what the request asked for', async () => {
  for (const key of ['c/1', 'c/2']) {
    const path = `/v1/kv/default/${key}`
    const first = await cluster.request(0, path, { method: 'PUT', body: '0' })
    const headers = { 'quorate-context': String(first.headers['quorate-context']) }
    for (const body of ['a', 'b']) await cluster.request(0, path, { method: 'PUT', body, headers })
  }
  const query = 'prefix=c/&limit=1&conflicted=true&timeout=1500'
  const { headers } = await cluster.request(0, `/v1/keys/default?${query}`)
  expect(headers['link']).toBe(
    '</v1/keys/default?prefix=c%2F&after=c%2F1&limit=1&conflicted=true&timeout=1500>; rel="next"',
  )
})

it('leads on from a stream of lines that ends at its limit', async () => {
  const headers = { accept: 'application/x-ndjson' }
  const first = await cluster.request(0, '/v1/keys/latest?prefix=p%2B&limit=3', { headers })
  expect(first.headers['link']).toMatch(
    /^<\/v1\/keys\/latest\?prefix=p%2B&after=.+&limit=3>; rel="next"$/,
  )
  const whole = await cluster.request(1, '/v1/keys/latest?prefix=p%2B', { headers })
  expect(whole.headers['link']).toBeUndefined()
  expect(whole.text.trimEnd().split('\n').length).toBe(KEYS.length + 1)
})
