/**
 * The live view in Chromium, on the page that a real node serves: what it shows of a node that stops and comes back, that
 * it is let in with a token alone, what it costs the cluster, and how late it is.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startQuorate } from '../../src/bench/systems/quorate-system.ts'
import { buildSite } from '../../src/lab/lab-site.ts'
import { linkOfPlan } from '../../src/lab/link/plan-link.ts'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'
import { findBrowser, launch } from '../report/installed-browser.ts'
import { busyPlan, delaysOf, framesPerSecond, loadFor, quantile } from './live-figures.ts'

const PROBES = 40
const ROUNDS = 5
const ROUND_SECONDS = 8
const DELAY_MS_MAX = 1000
const COST_MAX = 0.03

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
  await expect.poll(() => page.textContent('.charts')).toMatch(/[1-9]\d* answered/)
  await page.getByText('The same as a table').click()
  expect(await page.locator('.minutes tbody tr').count()).toBeGreaterThan(0)
  expect(await page.locator('.chart .bar').count()).toBeGreaterThan(0)
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

describe('a cluster that asks for tokens', () => {
  const root = randomBytes(32).toString('hex')
  let closed: TestCluster
  let asked: Page
  const urls: string[] = []

  beforeAll(async () => {
    const rootFile = join(directory, 'root-token')
    writeFileSync(rootFile, root, { mode: 0o600 })
    closed = await startCluster(3, {
      QUORATE_LAB_DIR: directory,
      QUORATE_AUTH: 'on',
      QUORATE_ROOT_TOKEN_FILE: rootFile,
    })
    asked = await (await browser.newContext()).newPage()
    asked.on('request', (request) => urls.push(request.url()))
  })
  afterAll(() => closed?.stop())

  async function enter(token: string): Promise<void> {
    await asked.getByLabel('Token', { exact: true }).fill(token)
    await asked.getByRole('button', { name: 'Use this token' }).click()
  }

  test('asks for one, and says why it is not enough', async () => {
    await asked.goto(`http://127.0.0.1:${closed.nodes[0]?.clientPort}/ui/#live`)
    await expect.poll(() => asked.textContent('.token')).toContain('This node asks for a token')
    await enter('two words')
    expect(await asked.getByRole('alert').textContent()).toContain('letters, digits and signs')
    await enter(randomBytes(32).toString('hex'))
    await expect.poll(() => asked.textContent('.token')).toContain('This token is not enough')
    const made = await closed.request(0, '/v1/access/tokens', {
      method: 'POST',
      headers: { authorization: `Bearer ${root}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        name: 'reader',
        grants: [{ bucket: 'default', prefix: '', rights: ['read'] }],
      }),
    })
    await enter((JSON.parse(made.text) as { token: string }).token)
    await expect.poll(() => asked.getByRole('alert').textContent()).toMatch(/admin/)
    expect(await asked.locator('.verdict').count()).toBe(0)
  })

  test('shows the cluster with a token that is enough, which only the memory of the page has', async () => {
    await enter(root)
    await expect.poll(() => asked.textContent('.verdict')).toContain('Healthy')
    await asked.getByRole('button', { name: 'Show', exact: true }).click()
    await expect.poll(() => asked.locator('.copies .owner').count()).toBe(3)
    expect(await asked.getByLabel('Token', { exact: true }).count()).toBe(0)
    const focused = asked.locator('[role=status]:focus')
    await expect.poll(() => focused.textContent()).toContain('This page sends a token')
    expect(await asked.textContent('main')).toContain(`curl -i -H 'Authorization: Bearer …' 'http`)
    expect([asked.url(), ...urls].filter((url) => url.includes(root))).toEqual([])
    const kept = await asked.evaluate(() =>
      JSON.stringify([localStorage, sessionStorage, document.cookie]),
    )
    expect(kept).not.toContain(root)
    expect(await asked.content()).not.toContain(root)
    // The token lasts while the simulated cluster is shown.
    await asked.getByRole('button', { name: 'Simulated', exact: true }).click()
    await asked.getByRole('button', { name: 'Live', exact: true }).click()
    await expect.poll(() => asked.textContent('.verdict')).toContain('Healthy')
  })

  test('shows nothing more once the token is forgotten, or the page is loaded again', async () => {
    await asked.getByRole('button', { name: 'Forget the token' }).click()
    await expect.poll(() => asked.textContent('.token')).toContain('This node asks for a token')
    expect(await asked.locator('.verdict').count()).toBe(0)
    await expect.poll(() => asked.locator('input.secret:focus').count()).toBe(1)
    await enter(root)
    await expect.poll(() => asked.textContent('.verdict')).toContain('Healthy')
    await asked.reload()
    await expect.poll(() => asked.textContent('.token')).toContain('This node asks for a token')
    await asked.context().close()
  })
})

test('the view is current within a second, smooth, and costs little', async () => {
  const data = mkdtempSync(join(tmpdir(), 'quorate-live-'))
  const system = await startQuorate({
    nodes: 5,
    dataDir: data,
    env: { QUORATE_LAB_DIR: directory },
  })
  const [first = '', ...others] = system.urls
  const viewer = await (await browser.newContext()).newPage()
  try {
    // Memory and files are warm before anything is measured.
    await loadFor(system, system.urls, ROUND_SECONDS)
    const alone: Awaited<ReturnType<typeof loadFor>>[] = []
    const watched: Awaited<ReturnType<typeof loadFor>>[] = []
    for (let round = 0; round < ROUNDS; round++) {
      alone.push(await loadFor(system, system.urls, ROUND_SECONDS))
      const stop = new AbortController()
      const stream = await fetch(`${first}/v1/events`, { signal: stop.signal })
      const reading = stream.body?.pipeTo(new WritableStream()).catch(() => undefined)
      watched.push(await loadFor(system, system.urls, ROUND_SECONDS))
      stop.abort()
      await reading
    }
    const cost =
      median(watched.map(({ cpuUs }) => cpuUs)) / median(alone.map(({ cpuUs }) => cpuUs)) - 1
    console.log({
      processors: cpus().length,
      loadAverage: loadavg()[0]?.toFixed(1),
      requestsPerSecond: rounded(alone.map(({ requestsPerSecond }) => requestsPerSecond)),
      requestsPerSecondWatched: rounded(watched.map(({ requestsPerSecond }) => requestsPerSecond)),
      cpuUs: rounded(alone.map(({ cpuUs }) => cpuUs)),
      cpuUsWatched: rounded(watched.map(({ cpuUs }) => cpuUs)),
      costOfViewer: `${(cost * 100).toFixed(1)} %`,
    })
    await viewer.goto(`${first}/ui/#live`)
    await viewer.waitForSelector('.members')
    const load = loadFor(system, others, PROBES)
    const [delays, liveFrames] = await Promise.all([
      delaysOf(viewer, first, PROBES),
      framesPerSecond(viewer, ROUND_SECONDS),
    ])
    await load
    await viewer.goto(`${first}/ui/#${linkOfPlan(busyPlan(ROUND_SECONDS + 4))}`)
    await viewer.getByRole('button', { name: 'Start', exact: true }).click()
    await viewer.getByRole('button', { name: 'Play', exact: true }).click()
    await expect.poll(() => viewer.textContent('.clock')).toMatch(/^[2-9]\./)
    const simulatedFrames = await framesPerSecond(viewer, ROUND_SECONDS)
    console.log({
      delayMs: { p50: Math.round(quantile(delays, 0.5)), p95: Math.round(quantile(delays, 0.95)) },
      framesPerSecond: {
        live: Math.round(liveFrames),
        simulatedAtRealTime: Math.round(simulatedFrames),
      },
    })
    expect(quantile(delays, 0.95)).toBeLessThan(DELAY_MS_MAX)
    expect(cost).toBeLessThan(COST_MAX)
  } finally {
    await viewer.context().close()
    await system.stop()
    rmSync(data, { recursive: true, force: true })
  }
})

function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

function rounded(values: readonly number[]): readonly number[] {
  return values.map(Math.round)
}
