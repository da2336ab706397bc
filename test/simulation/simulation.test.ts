/**
 * Whole clusters on virtual time: the same plan gives the same run, anywhere; and no run finds anything. More
 * seeds: `npm run sim -- --seeds N`.
 */
import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import {
  FAULT_KINDS,
  type FaultKind,
  MEMBERSHIP,
  UPGRADE,
} from '../../src/simulation/plan/sim-fault.ts'
import { faultsOf, type Plan, PLAN_DEFAULTS } from '../../src/simulation/plan/plan.ts'
import { RunPool } from '../../src/simulation/run-pool.ts'
import type { WorkerAnswer } from '../../src/simulation/run-worker.ts'
import { replayCommand } from '../../src/simulation/sim-arguments.ts'
import { simulate } from '../../src/simulation/simulation.ts'
import { FOUND_BUGS } from './found-bugs.ts'

/** So many runs from this seed on have faults of every kind. The runs of the found bugs below come on top. */
const SMOKE_SEEDS = 4
const SMOKE_FIRST = 1154
const MIXED_SEEDS = 2
/** Half of what is the default: `npm run sim` is for many and long runs. */
const SHORT_SECONDS = 60
const WATCHED_SECONDS = 30

const pool = new RunPool(availableParallelism())
afterAll(() => pool.close())

function planOf(given: Partial<Plan> & { readonly seed: string }): Plan {
  return { ...PLAN_DEFAULTS, ...given }
}

/** What was found, with the command that finds it again; undefined where nothing was. */
function told({ plan, violation }: WorkerAnswer): string | undefined {
  return violation && `${violation.message}: ${replayCommand(plan, undefined)}`
}

test('the same plan gives the same run, in this thread, in another, and in another process', async () => {
  const plan = planOf({ seed: '7', seconds: 20 })
  const here = await simulate(plan)
  const there = await Promise.all([pool.run(plan), pool.run(plan)])
  expect(there.map(({ hash }) => hash)).toEqual([here.hash, here.hash])
  expect(there.map(({ messages }) => messages)).toEqual([here.messages, here.messages])

  const script = fileURLToPath(new URL('../../scripts/sim.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [
    script,
    '--seed',
    '7',
    '--seconds',
    '20',
  ])
  expect(stdout).toContain(`no violation found; trace hash ${here.hash}`)
})

test('another seed gives another run, and so does a client more', async () => {
  const plans = [{ seed: 'a' }, { seed: 'b' }, { seed: 'a', clients: 6 }]
  const runs = await Promise.all(
    plans.map((given) => pool.run(planOf({ ...given, seconds: 10, nemesis: [] }))),
  )
  expect(new Set(runs.map(({ hash }) => hash)).size).toBe(3)
})

test('a machine that is lost while another node leaves is removed after the leave is cancelled', async () => {
  const { violation, faults } = await pool.run(
    planOf({
      seed: '1200178',
      seconds: 19,
      workloads: ['siblings'],
      nemesis: [...FAULT_KINDS, MEMBERSHIP],
      clients: 1,
      keys: 1,
      onlyFaults: [0, 1, 100_000, 100_001],
    }),
  )
  expect(violation).toBeUndefined()
  expect(faults).toBe(4)
})

test(`${SMOKE_SEEDS} runs of every workload under every fault find nothing`, async () => {
  const plans = Array.from({ length: SMOKE_SEEDS }, (_, i) =>
    planOf({ seed: String(SMOKE_FIRST + i), seconds: SHORT_SECONDS }),
  )
  const kinds = plans.flatMap((plan) => faultsOf(plan).map(({ fault }) => fault.kind))
  expect(new Set(kinds)).toEqual(new Set(FAULT_KINDS))
  const runs = await Promise.all(plans.map((plan) => pool.run(plan)))
  expect(runs.map(told).filter((line) => line !== undefined)).toEqual([])
  // Not because nothing happened.
  const sum = (of: (run: WorkerAnswer) => number): number =>
    runs.reduce((all, run) => all + of(run), 0)
  expect(sum(({ faults }) => faults)).toBeGreaterThan(5 * SMOKE_SEEDS)
  expect(sum(({ calls }) => calls)).toBeGreaterThan(1000 * SMOKE_SEEDS)
})

test('buckets that are deleted and created again, while the members change, find nothing', async () => {
  const nemesis: readonly FaultKind[] = [...FAULT_KINDS, MEMBERSHIP]
  const plan = planOf({ seed: 'buckets', workloads: ['bucket'], nemesis, seconds: 30 })
  const run = await pool.run(plan)
  expect(told(run)).toBeUndefined()
  expect(run.calls).toBeGreaterThan(500)
})

test('nodes of two versions find nothing, while each is restarted with the other one again and again', async () => {
  const nemesis = FAULT_KINDS.flatMap((kind): FaultKind[] => [kind, UPGRADE])
  const plans = Array.from({ length: MIXED_SEEDS }, (_, i) =>
    planOf({ seed: `mixed-${i}`, nemesis, seconds: SHORT_SECONDS }),
  )
  const runs = await Promise.all(plans.map((plan) => pool.run(plan)))
  expect(runs.map(told).filter((line) => line !== undefined)).toEqual([])
})

test('two readers of each bucket know every key in the end, while members change under every fault', async () => {
  const nemesis: FaultKind[] = [...FAULT_KINDS, MEMBERSHIP]
  const run = await pool.run(planOf({ seed: '11', nemesis, seconds: WATCHED_SECONDS, watch: true }))
  expect(told(run)).toBeUndefined()
})

/** A longer run is repeated in part, and as a whole by `npm run soak -- found-bugs`. */
const REPEATED_SECONDS = 12

describe.concurrent('does not happen again', () => {
  test.each(FOUND_BUGS)('$what', async ({ plan }) => {
    const short = { ...plan, seconds: Math.min(plan.seconds, REPEATED_SECONDS) }
    expect(told(await pool.run(planOf(short)))).toBeUndefined()
  })
})
