/** The runs of all found bugs, each as long as the run that found the bug. */
import { availableParallelism } from 'node:os'
import { afterAll, describe, expect, test } from 'vitest'
import { PLAN_DEFAULTS } from '../../src/simulation/plan/plan.ts'
import { RunPool } from '../../src/simulation/run-pool.ts'
import { FOUND_BUGS } from '../simulation/found-bugs.ts'

const pool = new RunPool(availableParallelism())
afterAll(() => pool.close())

describe.concurrent('does not happen again', () => {
  test.each(FOUND_BUGS)('$what', async ({ plan }) => {
    const { violation } = await pool.run({ ...PLAN_DEFAULTS, ...plan })
    expect(violation?.message).toBeUndefined()
  })
})
