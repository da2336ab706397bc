/** The lab as a node serves it: types, caching, policy, and nothing outside of its directory. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCluster, type TestCluster } from '../test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(1)
})

afterAll(() => cluster.stop())

describe('the lab', () => {
  test('is a page that may load only its own files', async () => {
    const { status, headers, text } = await cluster.request(0, '/ui/')
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      200,
      'text/html; charset=utf-8',
      'no-cache',
    ])
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'/)
    expect(text).toContain('./assets/lab-1.css')
  })

  test('is found without the slash at the end of its address, also behind a proxy', async () => {
    const { status, headers } = await cluster.request(0, '/ui')
    expect(status).toBe(308)
    const location = String(headers['location'])
    for (const proxied of ['http://n1/ui', 'http://n1/store/ui']) {
      expect(new URL(location, proxied).href).toBe(`${proxied}/`)
    }
  })

  test('has files that may be cached for ever', async () => {
    const { status, headers } = await cluster.request(0, '/ui/assets/lab-1.css')
    expect([status, headers['content-type'], headers['x-content-type-options']]).toEqual([
      200,
      'text/css; charset=utf-8',
      'nosniff',
    ])
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable')
  })

  test.each(['lab-2.css', 'index.html', '..%2Findex.html', '.hidden.css', 'lab-1', '%00.css'])(
    'has no file %s',
    async (file) => {
      const { status, text } = await cluster.request(0, `/ui/assets/${file}`)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(JSON.parse(text)).toMatchObject({ outcome: 'rejected' })
    },
  )
})

test('a lab that is not built is a 404 that says how to build it', async () => {
  const bare = await startCluster(1, { QUORATE_LAB_DIR: '/no/such/lab' })
  try {
    const { status, text } = await bare.request(0, '/ui/')
    expect(status).toBe(404)
    expect(JSON.parse(text)).toMatchObject({
      code: 'path_unknown',
      detail: expect.stringContaining('npm run lab -- --out dist/lab') as string,
    })
  } finally {
    await bare.stop()
  }
})
