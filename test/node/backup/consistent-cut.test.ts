/** A backup is one consistent cut of all keys, under faults, with clocks that disagree, and while members change. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { type CutPlan, runCuts } from './cut-scenario.ts'

const PLANTED = fileURLToPath(new URL('planted-cut.ts', import.meta.url))
const run = promisify(execFile)

const CALM: Omit<CutPlan, 'seed'> = {
  seconds: 4,
  clients: 12,
  makers: 1,
  delayMs: 15,
  hasFaults: false,
  changesMembers: false,
}

test.each([
  ['calm', { ...CALM, makers: 2 }],
  ['faults', { ...CALM, seconds: 7, clients: 8, delayMs: 3, hasFaults: true }],
  ['members', { ...CALM, seconds: 18, clients: 3, delayMs: 5, changesMembers: true }],
])('backup: is a consistent cut (%s)', async (seed, plan) => {
  const { violations, made, acknowledged, changes, broken } = await runCuts({ ...plan, seed })
  expect({ violations, broken }).toEqual({ violations: [], broken: [] })
  expect(made).toBeGreaterThan(5)
  expect(acknowledged).toBeGreaterThan(500)
  if (plan.changesMembers) expect(changes).toBeGreaterThan(1)
})

test.each(['late-snapshot', 'open-gate'])(
  'backup: the checks find the planted bug %s',
  async (bug) => {
    const { stdout } = await run(process.execPath, [PLANTED, bug])
    expect((JSON.parse(stdout) as { violations: number }).violations).toBeGreaterThan(0)
  },
)
