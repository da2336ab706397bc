/** A plan in which a cut parts n1 from the majority, for the tests of interactive worlds. */
import type { TimedPlan } from '../../../src/simulation/interactive/timed-plan.ts'

const cart = { bucket: 'default', key: 'cart' } as const

export const SPLIT_PLAN: TimedPlan = {
  seed: 'split',
  nodes: 3,
  endMs: 12_000,
  actions: [
    { atMs: 2000, do: 'put', client: 1, node: 'n1', level: 'quorum', value: 'apple', ...cart },
    { atMs: 3000, do: 'cut', from: ['n1'], to: ['n2', 'n3'] },
    { atMs: 3500, do: 'put', client: 1, node: 'n1', level: 'quorum', value: 'bread', ...cart },
    { atMs: 4000, do: 'put', client: 2, node: 'n2', level: 'quorum', value: 'cheese', ...cart },
    { atMs: 8000, do: 'heal' },
    { atMs: 11_000, do: 'get', client: 2, node: 'n2', level: 'quorum', ...cart },
  ],
}
