/**
 * Four groups of tests. `unit` needs only this process and runs its files in parallel; `local` starts real processes
 * on this machine; `docker` starts containers. The last two run one file at a time, because they compete for the
 * processor; scripts/test.ts runs one group beside the other. `soak` takes minutes a file and runs by `npm run soak`.
 */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))

const LOCAL = [
  'test/cluster/**/*.test.ts',
  'test/integration/**/*.test.ts',
  'test/cases/processes/**/*.test.ts',
]
const DOCKER = ['test/docker/**/*.test.ts']
const SOAK = ['test/soak/**/*.test.ts']

export default defineConfig({
  root,
  test: {
    environment: 'node',
    restoreMocks: true,
    projects: [
      {
        extends: true,
        root,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...LOCAL, ...DOCKER, ...SOAK],
          testTimeout: 20_000,
          hookTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        root,
        test: {
          name: 'local',
          include: LOCAL,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        root,
        test: {
          name: 'docker',
          include: DOCKER,
          // The image of the testcontainers' reaper is not within reach everywhere; the tests clean up themselves.
          // Ports are published on 127.0.0.1 alone; inside a container testcontainers would ask the bridge's gateway.
          env: { TESTCONTAINERS_RYUK_DISABLED: 'true', TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1' },
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        root,
        test: {
          name: 'soak',
          include: SOAK,
          fileParallelism: false,
          testTimeout: 3_600_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
