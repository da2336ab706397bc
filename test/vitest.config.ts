/**
 * Five groups of tests. `virtual` has no real time, network or disk: the speed of the machine changes none of its
 * results, and it may run at the lowest priority beside everything else. `unit` needs only this process and runs its
 * files in parallel; `local` starts real processes on this machine, for two files at a time; `docker` starts containers,
 * for one file at a time; scripts/test.ts runs one group beside the other. `soak` takes minutes a file and runs by
 * `npm run soak`.
 */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { FileOrder } from './file-order.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

const VIRTUAL = [
  'test/simulation/**/*.test.ts',
  'test/properties/**/*.test.ts',
  'test/checker/**/*.test.ts',
  'test/lab/*.test.ts',
  'test/node/backup/consistent-cut.test.ts',
  'test/core/consensus/*-model.test.ts',
  'test/core/replication/*-model.test.ts',
]
const LOCAL = [
  'test/local-cluster/**/*.test.ts',
  'test/integration/**/*.test.ts',
  'test/cases/processes/**/*.test.ts',
]
const DOCKER = ['test/docker/**/*.test.ts']
const SOAK = ['test/soak/**/*.test.ts']
/** Left alone, Vitest keeps one core free: half of the machine where there are two. */
const ALL_CORES = '100%'
/** Two files wait side by side for their clusters; more clusters would compete for the processor. */
const LOCAL_CLUSTERS = 2
/**
 * The files of a group share their workers, because a fresh worker and its imports cost more than most files do. No test
 * changes what another file sees: variables of the environment, globals, timers, or modules.
 */
const SHARED = { maxWorkers: ALL_CORES, isolate: false } as const
/**
 * The image of the testcontainers' reaper is not within reach everywhere; the tests clean up themselves. Ports are
 * published on 127.0.0.1 alone; inside a container testcontainers would ask the bridge's gateway.
 */
const CONTAINERS = {
  TESTCONTAINERS_RYUK_DISABLED: 'true',
  TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1',
}
/** Only a test that hangs meets it. */
const TIMEOUT_MS = 600_000
/** What is waited for comes at once on a machine that does nothing else, and much later on one that is busy. */
const WAIT = { timeout: 45_000, interval: 50 }

export default defineConfig({
  root,
  test: {
    environment: 'node',
    restoreMocks: true,
    // Node.js runs the TypeScript itself, as in production: what Vite would make of it is slower, and nothing is mocked.
    experimental: { viteModuleRunner: false },
    expect: { poll: WAIT },
    sequence: { sequencer: FileOrder },
    projects: [
      {
        extends: true,
        root,
        test: {
          name: 'virtual',
          include: VIRTUAL,
          ...SHARED,
          // At the lowest priority a test may take any time. Counts of runs, states and events bound it instead.
          testTimeout: 0,
          hookTimeout: 0,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        root,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...VIRTUAL, ...LOCAL, ...DOCKER, ...SOAK],
          ...SHARED,
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        root,
        test: {
          name: 'local',
          include: LOCAL,
          maxWorkers: LOCAL_CLUSTERS,
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        root,
        test: {
          name: 'docker',
          include: DOCKER,
          env: CONTAINERS,
          fileParallelism: false,
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        root,
        test: {
          name: 'soak',
          include: SOAK,
          env: CONTAINERS,
          fileParallelism: false,
          testTimeout: 3_600_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
})
