import { describe, expect, test } from 'vitest'
import { findImportViolations } from './import-rules.ts'
import { readFiles } from './project-files.ts'

describe('imports go one way', () => {
  test('in every file', () => {
    const files = readFiles('src/**/*.{ts,tsx}', 'scripts/**/*.ts')

    expect(files.length).toBeGreaterThan(50)
    expect(files.flatMap(({ path, text }) => findImportViolations(path, text))).toEqual([])
  })

  test.each([
    ['src/core/quorum/tally.ts', "import { createNode } from '../../node/node.ts'"],
    ['src/core/quorum/tally.ts', "import type { Clock } from '../../ports/clock.ts'"],
    ['src/core/quorum/tally.ts', "import { join } from 'node:path'"],
    ['src/core/quorum/tally.ts', "import pino from 'pino'"],
    ['src/core/quorum/tally.ts', "import 'pino'"],
    ['src/core/quorum/tally.ts', "const pino = await import('pino')"],
    ['src/core/quorum/tally.ts', "export { createNode } from '../../node/node.ts'"],
    ['src/core/quorum/tally.ts', "export * from '../../node/node.ts'"],
    ['src/core/quorum/tally.ts', "import {\n  a,\n  b,\n} from '../../node/node.ts'"],
    ['src/ports/clock.ts', "import type { Dot } from '../core/causality/dot.ts'"],
    ['src/node/node.ts', "import { readFile } from 'node:fs/promises'"],
    ['src/node/node.ts', "import { levelDisk } from '../adapters/level-disk/level-disk.ts'"],
    ['src/node/node.ts', "import { problem } from '../api/problem.ts'"],
    ['src/adapters/log/pino-log.ts', "import type { Node } from '../../node/node.ts'"],
    ['src/api/server.ts', "import { levelDisk } from '../adapters/level-disk/level-disk.ts'"],
    ['src/checker/verdict/verdict.ts', "import { assert } from '../../core/assert.ts'"],
    ['src/checker/verdict/verdict.ts', "import { readFile } from 'node:fs/promises'"],
    ['src/chaos/lease.ts', "import { assert } from '../core/assert.ts'"],
    ['src/local-cluster/supervisor.ts', "import type { Node } from '../node/node.ts'"],
    ['src/harness/run.ts', "import { assert } from '../core/assert.ts'"],
    ['src/harness/run.ts', "import { openServer } from '../api/server.ts'"],
    [
      'src/server/settings/settings.ts',
      "import { systemClock } from '../../adapters/system/system-clock.ts'",
    ],
    ['src/server/compose.ts', "import { run } from '../main.ts'"],
    ['src/server/compose.ts', "import { clusterCommand } from '../../scripts/cluster.ts'"],
    ['src/api/server.ts', "import { readFiles } from '../../test/tidy/project-files.ts'"],
    ['src/shed/new.ts', "import { assert } from '../core/assert.ts'"],
  ])('%s: %s is refused', (path, source) => {
    expect(findImportViolations(path, `${source}\n`)).toHaveLength(1)
  })

  test.each([
    ['src/core/quorum/tally.ts', "import { assert } from '../assert.ts'"],
    ['src/node/node.ts', "import type { Clock } from '../ports/clock.ts'"],
    ['src/adapters/log/pino-log.ts', "import pino from 'pino'"],
    ['src/main.ts', "import { startServer } from './server/compose.ts'"],
    ['src/core/errors.ts', "/** Taken from 'node' and import of words. */\nexport const a = 'b'"],
  ])('%s: %s is allowed', (path, source) => {
    expect(findImportViolations(path, `${source}\n`)).toEqual([])
  })
})
