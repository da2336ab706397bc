/**
 * Opens reports in a real browser, on a wide and a narrow screen. Skipped where there is none, and that is said;
 * with CI=true it is a failure.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Verdict } from '../../src/checker/verdict/verdict.ts'
import { renderIndex } from '../../src/report/run-index.ts'
import { renderReport } from '../../src/report/run-report.ts'
import type { RunReport } from '../../src/report/analysis/report-input.ts'
import { findBrowser, launch } from './installed-browser.ts'
import { invokedAt, MadeUpHistory, reportOf, staleRead, staleVerdict } from './made-up-run.ts'

const executablePath = findBrowser()
if (executablePath === undefined) {
  console.warn(
    'no Chromium is installed, and QUORATE_TEST_BROWSER names none: reports stay unopened',
  )
}

const history = staleRead()
const invalid = staleVerdict(history)
const VERDICTS: Readonly<Record<Verdict['result'], Verdict>> = {
  invalid,
  valid: {
    ...invalid,
    result: 'valid',
    sentence: 'valid: all is in order',
    evidence: [],
    orders: [{ key: 'k2', order: [invokedAt(history, 1000)] }],
  },
  unknown: {
    ...invalid,
    result: 'unknown',
    sentence: 'unknown: there is no final read of k2',
    evidence: [{ kind: 'unjudged', key: 'k2', words: 'there is no final read of k2' }],
  },
}
const SCREENS = [
  { width: 1280, height: 900, colorScheme: 'light' },
  { width: 390, height: 844, colorScheme: 'dark' },
] as const

test.runIf(process.env['CI'] === 'true')('with CI=true a browser is installed', () => {
  expect(executablePath).toBeDefined()
})

describe.skipIf(executablePath === undefined)('a report in a browser', () => {
  let browser: Browser
  let folder = ''

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'quorate-report-'))
    for (const [name, verdict] of Object.entries(VERDICTS)) {
      writeFileSync(join(folder, `${name}.html`), await renderReport(reportOf(verdict, history)))
    }
    writeFileSync(join(folder, 'hostile.html'), await renderReport(hostileReport()))
    writeFileSync(join(folder, 'several.html'), await renderReport(severalKeys()))
    const summary = { dir: 'a', startedAt: '2026-01-02T03:04:05Z', sentence: 'valid: all held' }
    writeFileSync(
      join(folder, 'index.html'),
      renderIndex([{ ...reportOf(invalid, history).settings, ...summary, result: 'valid' }]),
    )
    browser = await launch(executablePath as string)
  })

  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** A page, and what it complained of or asked the network for: nothing, if all is well. */
  async function open(
    name: string,
    { width, height, colorScheme }: (typeof SCREENS)[number],
    javaScriptEnabled = true,
  ): Promise<{ readonly page: Page; readonly wrong: readonly string[] }> {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme,
      javaScriptEnabled,
      reducedMotion: 'reduce',
      hasTouch: true,
    })
    const page = await context.newPage()
    const wrong: string[] = []
    page.on('console', (message) => wrong.push(message.text()))
    page.on('pageerror', (error) => wrong.push(error.message))
    page.on('request', (request) => {
      if (!/^(?:file|data):/.test(request.url())) wrong.push(request.url())
    })
    await page.goto(pathToFileURL(join(folder, `${name}.html`)).href)
    if (javaScriptEnabled && name !== 'index') await page.waitForSelector('#lanes[data-to]')
    return { page, wrong }
  }

  describe.each(SCREENS)('$width wide, $colorScheme', (screen) => {
    test.each([...Object.keys(VERDICTS), 'index'])('%s opens without a fault', async (name) => {
      const { page, wrong } = await open(name, screen)
      const width = await page.evaluate(() => document.documentElement.scrollWidth)

      expect(wrong).toEqual([])
      expect(width).toBeLessThanOrEqual(screen.width)
      await page.context().close()
    })

    test('draws every picture', async () => {
      const { page } = await open('invalid', screen)
      // The charts come after the lanes.
      for (const id of ['lanes', 'latency', 'throughput']) {
        await expect.poll(() => coloursOf(page, id)).toBeGreaterThan(3)
      }
      await page.context().close()
    })

    test('zooms with its buttons, the wheel and the keys, and back', async () => {
      const { page } = await open('invalid', screen)
      const whole = await spanOf(page)
      await page.click('#zoom-in')
      const once = await nextSpan(page, whole)
      await page.hover('#lanes')
      await page.waitForTimeout(400) // What the page scrolls by itself comes to rest.
      await page.mouse.wheel(0, -300)
      const twice = await nextSpan(page, once)
      await page.press('#lanes', '+')
      const thrice = await nextSpan(page, twice)

      expect(once).toBeLessThan(whole)
      expect(twice).toBeLessThan(once)
      expect(thrice).toBeLessThan(twice)
      await page.click('#whole-run')
      expect(await nextSpan(page, thrice)).toBe(whole)
      await page.context().close()
    })

    test('shows an operation of the story in the lanes', async () => {
      const { page, wrong } = await open('invalid', screen)
      const whole = await spanOf(page)
      const read = String(invokedAt(history, 900))
      await page.click(`.operation[data-op="${read}"]`)

      expect(await nextSpan(page, whole)).toBeLessThan(whole)
      expect(await page.getAttribute('#lanes', 'data-selected')).toBe(read)
      expect(await page.getAttribute(`.operation[data-op="${read}"]`, 'aria-pressed')).toBe('true')
      const { y } = (await page.locator('#lanes-section').boundingBox())!
      expect(y).toBeLessThan(screen.height / 2)
      expect(wrong).toEqual([])
      await page.context().close()
    })

    test('tells the details of what is tapped', async () => {
      const { page } = await open('invalid', screen)
      const read = invokedAt(history, 900)
      await page.click(`.operation[data-op="${read}"]`)
      await page.waitForSelector(`#lanes[data-selected="${read}"]`)
      const box = (await page.locator('#lanes').boundingBox())!
      const left = screen.width < 600 ? 58 : 72
      // The chosen operation stands in the middle of the window, and client 2 in the second lane.
      const [x, y] = [box.x + left + (box.width - left) / 2, box.y + 56]
      if (screen.width < 600) await page.touchscreen.tap(x, y)
      else await page.mouse.click(x, y)

      expect(await page.isVisible('#details')).toBe(true)
      expect(await page.textContent('#details')).toMatch(/read k1.*client 2 at n2/)
      await page.context().close()
    })
  })

  test('without scripts has all of its text', async () => {
    const { page } = await open('invalid', SCREENS[1], false)
    const text = await page.innerText('body')

    for (const part of [
      '1 key not linearizable',
      'client 2 asked n2 to read k1',
      'Time to recover',
    ]) {
      expect(text).toContain(part)
    }
    expect(await page.isVisible('#lanes')).toBe(false)
    await page.context().close()
  })

  test('runs nothing that a history says', async () => {
    const { page, wrong } = await open('hostile', SCREENS[0])
    await page.hover('#lanes')
    for (const operation of await page.locator('.operation').all()) await operation.click()
    await page.selectOption('#lane-by', 'key')
    await page.click('.show-key')

    expect(wrong).toEqual([])
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.title()).toContain('seed-7')
    expect(await page.textContent('#key-filter')).toContain(HOSTILE)
    await page.context().close()
  })

  test('hides no step of a story that goes over several keys', async () => {
    const { page } = await open('several', SCREENS[0])
    await page.selectOption('#key-filter', { label: 'k1' })
    await page.click('.show-key')

    expect(await page.textContent('.show-key')).toMatch(/Show these steps/)
    expect(await page.inputValue('#key-filter')).toBe('')
    await page.context().close()
  })

  test('on paper is dark on light, with its result', async () => {
    const { page } = await open('unknown', SCREENS[1])
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    const looks = await page.evaluate(() => ({
      ink: getComputedStyle(document.body).color,
      sign: getComputedStyle(document.querySelector('h1 .badge')!).printColorAdjust,
    }))

    expect(looks).toEqual({ ink: 'rgb(27, 31, 36)', sign: 'exact' })
    await page.context().close()
  })

  test('unknown does not look like valid', async () => {
    const looks = await Promise.all(
      (['valid', 'unknown'] as const).map(async (name) => {
        const { page } = await open(name, SCREENS[0])
        return page.$eval('h1 .badge', (badge) => {
          const { color, borderStyle } = getComputedStyle(badge)
          return { color, borderStyle, text: badge.textContent }
        })
      }),
    )

    expect(looks[0]?.color).not.toBe(looks[1]?.color)
    expect(looks[0]?.borderStyle).not.toBe(looks[1]?.borderStyle)
    expect(looks.map(({ text }) => text.replaceAll(/\s/g, ''))).toEqual(['✓valid', '?unknown'])
  })
})

const HOSTILE = `</script><img src=x onerror="console.log('ran')">`

function hostileReport(): RunReport {
  const strange = { key: HOSTILE, node: HOSTILE, error: HOSTILE }
  const hostile = new MadeUpHistory()
    .fault(HOSTILE, [1, 2, 300, 301])
    .operation(1, 'write', { ...strange, from: 10, to: 20, input: HOSTILE })
    .operation(2, HOSTILE, { ...strange, from: 30, to: 40, outcome: 'fail', input: HOSTILE })
    .operation(3, 'read', { ...strange, from: 50, to: 60, output: [HOSTILE, HOSTILE] }).events
  const operations = [10, 30, 50].map((ms) => invokedAt(hostile, ms))
  const evidence = [{ kind: 'lost', key: HOSTILE, words: HOSTILE, operations }]
  return reportOf({ ...invalid, sentence: HOSTILE, evidence }, hostile)
}

function severalKeys(): RunReport {
  const operations = [400, 1000].map((ms) => invokedAt(history, ms))
  const evidence = [{ kind: 'stale read', key: 'k1', words: 'it is old', operations }]
  return reportOf({ ...invalid, evidence }, history)
}

/** How many different colours a canvas shows. */
async function coloursOf(page: Page, id: string): Promise<number> {
  return page.$eval(`#${id}`, (canvas) => {
    const { width, height } = canvas as HTMLCanvasElement
    const pen = (canvas as HTMLCanvasElement).getContext('2d')
    const pixels = new Uint32Array(pen!.getImageData(0, 0, width, height).data.buffer)
    return new Set(pixels).size
  })
}

async function spanOf(page: Page): Promise<number> {
  return page.$eval('#lanes', ({ dataset }: HTMLElement) => {
    return Number(dataset['to']) - Number(dataset['from'])
  })
}

/** The span once it is another one. */
async function nextSpan(page: Page, before: number): Promise<number> {
  await page.waitForFunction((last) => {
    const { from, to } = document.getElementById('lanes')!.dataset
    return Number(to) - Number(from) !== last
  }, before)
  return spanOf(page)
}
