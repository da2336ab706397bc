/**
 * The order of the test files: the longest first, because a long file that starts last runs on alone. A machine that has
 * run the tests before knows how long each file takes; any other machine knows these.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take more than fifteen seconds of two cores, or of waiting. */
const LONGEST: readonly string[] = [
  'test/integration/check.test.ts',
  'test/integration/readme.test.ts',
  'test/local-cluster/growing-cluster.test.ts',
  'test/local-cluster/local-cluster.test.ts',
  'test/local-cluster/npm-start.test.ts',
  'test/integration/chaos.test.ts',
  'test/simulation/simulation.test.ts',
  'test/simulation/bugs/planted-bugs-found.test.ts',
  'test/core/consensus/moving-model.test.ts',
  'test/core/consensus/small-model.test.ts',
  'test/report/browser.test.ts',
  'test/api/upgrade.test.ts',
  'test/api/process.test.ts',
  'test/node/topology/topology-register.test.ts',
  'test/api/joining.test.ts',
]

export class FileOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rankOf(a) - rankOf(b))
  }
}

function rankOf({ moduleId, project }: TestSpecification): number {
  const rank = LONGEST.findIndex((path) => moduleId.endsWith(path))
  // Groups of files stay in their own order.
  return project.config.sequence.groupOrder * 100 + (rank < 0 ? LONGEST.length : rank)
}
