/**
 * The picture of the lab in the first README. This draws it again from a lesson:
 *
 *   QUORATE_DRAW=1 npm run soak -- lab-picture
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { buildSite, serveSite } from '../../src/lab/lab-site.ts'
import { SPLIT_BRAIN } from '../../src/lab/lessons/split-brain.ts'
import { linkOfPlan } from '../../src/lab/link/plan-link.ts'
import { freePorts } from '../../src/local-cluster/address-plan.ts'
import { findBrowser, launch } from '../report/installed-browser.ts'

const PICTURE = fileURLToPath(new URL('../../src/lab/lab.png', import.meta.url))
const BYTES_MAX = 200_000
/** Both sides have accepted a write, and the partition lasts. */
const AT_MS = 9500
const SIZE = { width: 1280, height: 900 }

test('the picture is small, and can be drawn again', async () => {
  const image = await drawn()
  if (process.env['QUORATE_DRAW'] !== undefined) writeFileSync(PICTURE, image)
  expect(image.length).toBeLessThan(BYTES_MAX)
  expect(statSync(PICTURE).size).toBeLessThan(BYTES_MAX)
})

async function drawn(): Promise<Buffer> {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-lab-'))
  await buildSite(directory)
  const [port = 0] = await freePorts(1)
  const site = await serveSite(directory, port)
  const browser = await launch(findBrowser() as string)
  try {
    const context = await browser.newContext({
      viewport: SIZE,
      colorScheme: 'light',
      reducedMotion: 'reduce',
    })
    const page = await context.newPage()
    const { replay } = SPLIT_BRAIN
    const actions = replay.actions.filter(({ atMs }) => atMs <= AT_MS)
    await page.goto(`http://127.0.0.1:${port}/#${linkOfPlan({ ...replay, endMs: AT_MS, actions })}`)
    await expect.poll(() => page.textContent('.clock')).toBe(`${AT_MS / 1000} s`)
    return await page.screenshot()
  } finally {
    await browser.close()
    await site.close()
    rmSync(directory, { recursive: true, force: true })
  }
}
