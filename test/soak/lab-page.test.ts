/**
 * The lab in Chromium, from a web server that only knows files: runs end as on the command line, links show the same run
 * in a fresh profile, every lesson passes, and no request leaves the page's origin.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join, normalize } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildSite } from '../../src/lab/lab-site.ts'
import { LESSONS } from '../../src/lab/lessons/lessons.ts'
import { linkOfPlan } from '../../src/lab/link/plan-link.ts'
import { playPlan } from '../../src/simulation/interactive/play-plan.ts'
import type { TimedPlan } from '../../src/simulation/interactive/timed-plan.ts'
import { simCommand } from '../../src/simulation/sim-command.ts'
import { findBrowser, launch } from '../report/installed-browser.ts'
import { SPLIT_PLAN } from '../simulation/interactive/split-plan.ts'
import { NO_PROGRESS } from '../terminal/no-progress.ts'
import { LEARNERS, type LearnerStep, SOME_DEEDS } from './lab-learners.ts'

const GZIP_BYTES_MAX = 350_000
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}

const executablePath = findBrowser()
let directory = ''
let server: Server
let origin = ''
let browser: Browser

test('a Chromium is installed', () => {
  expect(executablePath).toBeDefined()
})

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-lab-'))
  await buildSite(directory)
  server = createServer(({ url = '/' }, response) => {
    const name = normalize(decodeURIComponent(url.split('?')[0] ?? '/'))
    try {
      const body = readFileSync(join(directory, name === '/' ? 'index.html' : name))
      response.writeHead(200, { 'content-type': TYPES[extname(name)] ?? TYPES['.html'] })
      response.end(body)
    } catch {
      response.writeHead(404).end()
    }
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  browser = await launch(executablePath as string)
})

afterAll(async () => {
  await browser?.close()
  server?.close()
  rmSync(directory, { recursive: true, force: true })
})

/** A page in a profile of its own, and what it complained of or asked of other origins. */
async function open(
  hash = '',
): Promise<{ readonly page: Page; readonly wrong: readonly string[] }> {
  const context = await browser.newContext({ reducedMotion: 'reduce' })
  const page = await context.newPage()
  const wrong: string[] = []
  page.on('console', (message) => wrong.push(message.text()))
  page.on('pageerror', (error) => wrong.push(error.message))
  page.on('request', (request) => {
    if (!request.url().startsWith(origin)) wrong.push(request.url())
  })
  await page.goto(`${origin}/${hash}`)
  await page.waitForSelector('.verdict')
  return { page, wrong }
}

test('all files together are small', () => {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
  const sizes = files
    .filter((file) => file.isFile())
    .map((file) => gzipSync(readFileSync(join(file.parentPath, file.name))).length)
  expect(sizes.length).toBeGreaterThan(4)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(GZIP_BYTES_MAX)
})

test('20 plans end with the hash and the verdicts of the command line', async () => {
  const { page, wrong } = await open()
  const plans = Array.from({ length: 20 }, (_, i): TimedPlan => {
    const lesson = LESSONS[i % LESSONS.length]
    const plan = i % 2 === 0 || lesson === undefined ? SPLIT_PLAN : lesson.replay
    return { ...plan, seed: `page-${i}` }
  })
  for (const plan of plans) {
    const { hash, verdict } = await playPlan(plan)
    const played = await page.evaluate(
      (each) =>
        (
          window as unknown as { quorateLab: { run(plan: unknown): Promise<unknown> } }
        ).quorateLab.run(each),
      plan,
    )
    expect(played).toEqual({ hash, verdicts: verdict.levels })
  }
  expect(wrong).toEqual([])
  await page.context().close()
})

test('a link shows the same run in a fresh profile', async () => {
  const { page, wrong } = await open(`#${linkOfPlan(SPLIT_PLAN)}`)
  const { hash } = await playPlan(SPLIT_PLAN)
  await expect.poll(() => page.textContent('.hash')).toBe(hash)
  expect(new URL(page.url()).hash).toBe(`#${linkOfPlan(SPLIT_PLAN)}`)
  expect(wrong).toEqual([])
  await page.context().close()
})

test('a request is shown hop by hop, in words and in the picture', async () => {
  const { page, wrong } = await open(`#${linkOfPlan(SPLIT_PLAN)}`)
  const panel = page.locator('.hops-panel')
  const chosen = panel.getByRole('combobox', { name: 'Request' })
  const numbers = page.locator('.hop-number')
  await chosen.selectOption('request 1')
  await expect.poll(() => panel.textContent()).toContain('This answer decides')
  await expect.poll(() => numbers.count()).toBe(4)
  await panel.getByLabel('draw it in the picture').uncheck()
  await expect.poll(() => numbers.count()).toBe(0)
  await panel.getByLabel('draw it in the picture').check()
  await chosen.selectOption('request 2')
  await expect.poll(() => page.locator('.hop-lost').count()).toBe(2)
  expect(await panel.textContent()).toContain('No answer decided')
  await page.locator('.mark.ok').first().click()
  await expect.poll(() => chosen.inputValue()).toBe('request 1')
  await panel.getByRole('button', { name: 'Watch it slowly' }).click()
  await expect.poll(() => page.textContent('.clock')).toMatch(/^[12]\./)
  await expect.poll(() => numbers.count()).toBeGreaterThan(0)
  // A new request is followed.
  await page.getByRole('button', { name: 'Client B: get' }).click()
  await expect.poll(() => chosen.inputValue()).toBe('newest')
  expect(wrong).toEqual([])
  await page.context().close()
})

test('a node in the picture can be reached and chosen by the keyboard', async () => {
  const { page, wrong } = await open()
  await page.locator('.matrix button').last().focus()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  const node = page.getByRole('button', { name: /^n1: up/ })
  await expect.poll(() => node.getAttribute('aria-pressed')).toBe('true')
  await expect.poll(() => page.textContent('.faults')).toContain('Kill n1')
  expect(wrong).toEqual([])
  await page.context().close()
})

test('a saved plan ends with the same hash on the command line', async () => {
  const { page, wrong } = await open()
  for (const step of SOME_DEEDS) await take(page, step)
  const hash = await page.textContent('.hash')
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save the plan' }).click(),
  ])
  const printed: string[] = []
  const print = (line: string): number => printed.push(line)
  const output = { print, complain: print, progress: NO_PROGRESS }
  expect(await simCommand(['--plan', await download.path()], output)).toBe(0)
  expect(printed.at(-1)).toBe(`no violation found; trace hash ${hash}`)
  expect(wrong).toEqual([])
  await page.context().close()
})

describe.each(LESSONS)('lesson $id', (lesson) => {
  test.each([true, false])(
    'passes as a learner does it, with a right prediction: %s',
    async (isRight) => {
      const { page, wrong } = await open()
      await page.getByLabel('Choose a lesson').selectOption(lesson.id)
      const choice = isRight ? lesson.right : (lesson.right + 1) % lesson.choices.length
      const name = lesson.choices[choice] ?? ''
      await page.getByRole('radio', { name, exact: true }).check()
      for (const [i, steps] of (LEARNERS[lesson.id] ?? []).entries()) {
        for (const step of steps) await take(page, step)
        await page.waitForSelector(`.steps li.done:nth-child(${i + 1})`)
      }
      const result = await page.textContent('.lesson .result')
      expect(result).toContain(
        isRight ? 'Your prediction was right.' : 'It is different from what you predicted.',
      )
      expect(await page.textContent('.lesson select')).toContain(`✓ ${lesson.id}.`)
      expect(wrong).toEqual([])
      await page.context().close()
    },
  )
})

/** Does one thing on the page as a person would. */
async function take(page: Page, step: LearnerStep): Promise<void> {
  const { nth } = step
  if ('press' in step) {
    const buttons = page.getByRole('button', { name: step.press, exact: true })
    await (nth === undefined ? buttons.first() : buttons.nth(nth)).click()
    return
  }
  if ('speed' in step) {
    await page.getByLabel('Speed').selectOption(step.speed)
    return
  }
  const client = page.locator(`.client-${step.client}`)
  if (step.node !== undefined) await client.getByLabel('Node').selectOption(step.node)
  if (step.level !== undefined) await client.getByLabel('Level').selectOption(step.level)
  if (step.value !== undefined) await client.getByLabel('Value').fill(step.value)
  if (step.context !== undefined) await client.getByLabel('send context').setChecked(step.context)
  if (step.ifUnchanged !== undefined) {
    await client.getByLabel('only if unchanged').setChecked(step.ifUnchanged)
  }
  if (step.do === undefined) return
  const before = await client.locator('.answer').count()
  await client.getByRole('button', { name: new RegExp(step.do, 'i') }).click()
  if (step.isPending === true) return
  // The outcome has come, whatever it is.
  await expect
    .poll(async () => {
      const states = await client
        .locator('.answer')
        .evaluateAll((all) => all.map((each) => each.className))
      return (
        states.length > 0 &&
        (before >= 3 || states.length > before) &&
        !/under-way|waiting/.test(states[0] ?? '')
      )
    })
    .toBe(true)
}
