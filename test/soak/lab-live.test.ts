/** The live view in Chromium, on the page that a real node serves: what it shows of a node that stops and comes back. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildSite } from '../../src/lab/lab-site.ts'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'
import { findBrowser, launch } from '../report/installed-browser.ts'

let directory = ''
let cluster: TestCluster
let browser: Browser
let page: Page
let origin = ''
const wrong: string[] = []

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-lab-'))
  await buildSite(directory)
  cluster = await startCluster(3, { QUORATE_LAB_DIR: directory })
  browser = await launch(findBrowser() as string)
  origin = `http://127.0.0.1:${cluster.nodes[0]?.clientPort}`
  page = await (await browser.newContext()).newPage()
  page.on('pageerror', (error) => wrong.push(error.message))
  page.on('request', (request) => {
    if (!request.url().startsWith(origin)) wrong.push(request.url())
  })
})

afterAll(async () => {
  await browser?.close()
  await cluster?.stop()
  rmSync(directory, { recursive: true, force: true })
})

test('“Live” shows the cluster of the node, and “Simulated” leads back', async () => {
  await page.goto(`${origin}/ui`)
  await page.getByRole('button', { name: 'Live', exact: true }).click()
  await page.waitForSelector('.members')
  await expect.poll(() => new URL(page.url()).hash).toBe('#live')
  await expect.poll(() => page.textContent('.verdict')).toContain('Healthy')
  expect(await page.locator('.node.up').count()).toBe(3)
  expect(await page.textContent('.members')).toContain('n1 this node')
  await page.getByRole('button', { name: 'Simulated', exact: true }).click()
  await expect.poll(() => new URL(page.url()).hash).toMatch(/^#seed=lab/)
  await page.goto(`${origin}/ui/#live`)
  await page.reload()
  await expect.poll(() => page.textContent('.verdict')).toContain('Any one more node may fail.')
})

test('a click on a node or a link shows the commands that break it', async () => {
  await page.getByRole('button', { name: 'n2', exact: true }).click()
  expect(await page.textContent('.commands >> nth=0')).toContain('npm run chaos -- kill n2')
  await page.getByRole('button', { name: /^n1 to n3/ }).click()
  expect(await page.textContent('.commands >> nth=0')).toContain('npm run chaos -- cut n1 n3')
})

test('the owners of a key are shown, and what they hold', async () => {
  const put = { method: 'PUT', body: 'world' }
  expect((await cluster.request(0, '/v1/kv/default/hello', put)).status).toBe(204)
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await expect.poll(() => page.locator('.copies .owner').count()).toBe(3)
  await expect.poll(() => page.textContent('.copies')).toContain('1 value')
  await expect.poll(() => page.textContent('.told')).toContain('requests at this node')
})

test('a node that stops is told, with its hints, and so is its return', async () => {
  await cluster.nodes[2]?.stop()
  await expect.poll(() => page.textContent('.verdict')).toContain('Degraded')
  expect(await page.textContent('.verdict')).toContain('n3 does not answer')
  expect(await page.locator('.node.silent').count()).toBe(1)
  const put = { method: 'PUT', body: 'again' }
  await expect
    .poll(async () => (await cluster.request(0, '/v1/kv/default/hello', put)).status)
    .toBe(204)
  await expect.poll(() => page.textContent('.told')).toContain('for n3')
  await cluster.restart(2)
  await expect.poll(() => page.textContent('.verdict')).toContain('Healthy')
  await expect.poll(() => page.textContent('.told')).toContain('n3 answers n1 again')
  await expect.poll(() => page.textContent('.told')).toContain('delivered')
})

test('the page says that its node is gone', async () => {
  await cluster.nodes[0]?.stop()
  await expect.poll(() => page.textContent('.verdict')).toContain('n1 does not answer this page')
  expect(await page.textContent('.told')).toContain('n1 does not answer this page')
  expect(wrong).toEqual([])
})
