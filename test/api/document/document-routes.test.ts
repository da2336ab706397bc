/** The root, the page and the document of the interface, as a node serves them. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ENDPOINTS } from '../../../src/api/endpoints.ts'
import { startCluster, type TestAnswer, type TestCluster } from '../test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(1)
})

afterAll(() => cluster.stop())

const get = (path: string, accept?: string): Promise<TestAnswer> =>
  cluster.request(0, path, accept === undefined ? {} : { headers: { accept } })

/** The Accept header of common browsers. */
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

test('document: the root says what this is, which version and node, and where the rest is', async () => {
  const { status, headers, text } = await get('/', '*/*')
  expect([status, headers['content-type']]).toEqual([200, 'application/json'])
  const home = JSON.parse(text) as { links: Record<string, string> }
  expect(home).toMatchObject({
    name: 'quorate',
    about: expect.stringContaining('key-value store') as string,
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
    node: 'n1',
    links: { docs: '/docs', openapi: '/openapi.json' },
  })
  for (const link of Object.values(home.links)) expect((await get(link)).status).toBe(200)
})

test('document: the root is a page for browsers, with the same links', async () => {
  const { status, headers, text } = await get('/', BROWSER)
  expect([status, headers['content-type'], headers['vary']]).toEqual([
    200,
    'text/html; charset=utf-8',
    'Accept',
  ])
  const links = Object.values((JSON.parse((await get('/')).text) as { links: object }).links)
  for (const link of links) expect(text).toContain(`href="${link}"`)
  expect(text).toContain('node n1')
})

test('document: the page names every endpoint, and needs nothing but itself', async () => {
  const { status, headers, text } = await get('/docs', BROWSER)
  expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  for (const { method, path, id } of ENDPOINTS) {
    expect(text).toContain(`<h2><code>${method} ${path}</code></h2>`)
    expect(text).toContain(`href="#${id}"`)
    expect(text).toContain(`id="${id}"`)
  }
  expect(text).not.toMatch(
    /<script|<link|<img|<iframe|@import|url\(|(?:href|src)="(?:https?:)?\/\//,
  )
  const [, style = ''] = /<style>([^]*?)<\/style>/.exec(text) ?? []
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = headers['content-security-policy'] ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain(`style-src 'sha256-${hash}'`)
})

test('document: the links of the page lead somewhere', async () => {
  const { text } = await get('/docs')
  const ids = new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))
  for (const [, link = ''] of text.matchAll(/ href="([^"]+)"/g)) {
    if (link.startsWith('#')) expect(ids).toContain(link.slice(1))
    else expect((await get(link)).status).toBe(200)
  }
})

test('document: openapi.json has every endpoint', async () => {
  const { status, headers, text } = await get('/openapi.json')
  expect([status, headers['content-type']]).toEqual([200, 'application/json'])
  const { openapi, paths } = JSON.parse(text) as {
    openapi: string
    paths: Record<string, Record<string, { operationId: string }>>
  }
  expect(openapi).toBe('3.1.0')
  for (const { method, path, id } of ENDPOINTS) {
    expect(paths[path]?.[method.toLowerCase()]?.operationId).toBe(id)
  }
})
