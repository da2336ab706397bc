/**
 * The controls of the checks: against nodes with a bug that is planted on purpose each must fail. Without the
 * bug the same workloads pass. `npm test` has cheaper controls: check.test.ts asks for what is not promised, and
 * the simulator looks for planted bugs.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LocalCluster, startCluster } from '../../src/local-cluster/local-cluster.ts'
import { checkCommand } from '../../src/harness/check-command.ts'
import { NO_PROGRESS } from '../terminal/no-progress.ts'

const PRELOAD = fileURLToPath(new URL('../planted/preload.ts', import.meta.url))

async function startPlanted(bug: string | undefined, dataDir: string): Promise<LocalCluster> {
  const options = { nodes: 5, dataDir, basePort: 0 }
  if (bug === undefined) return startCluster(options)
  const before = process.env['NODE_OPTIONS']
  process.env['NODE_OPTIONS'] = `${before ?? ''} --import=${PRELOAD}`
  process.env['PLANTED_BUG'] = bug
  try {
    return await startCluster(options)
  } finally {
    delete process.env['PLANTED_BUG']
    if (before === undefined) delete process.env['NODE_OPTIONS']
    else process.env['NODE_OPTIONS'] = before
  }
}

interface Checked {
  readonly exitCode: number
  readonly said: string
}

/** One run after the other, against one cluster. */
async function checkAll(
  cluster: LocalCluster,
  rate: number,
  runs: readonly string[],
): Promise<Checked[]> {
  const checked: Checked[] = []
  for (const argv of runs) {
    const lines: string[] = []
    const print = (line: string): void => void lines.push(line)
    const where = ['--target', 'local', '--data', cluster.dataDir]
    const rest = ['--results', path.join(cluster.dataDir, '../results'), '--rate', String(rate)]
    const exitCode = await checkCommand([...argv.split(' '), ...where, ...rest], {
      print,
      complain: print,
      stop: new AbortController().signal,
      progress: NO_PROGRESS,
    })
    checked.push({ exitCode, said: lines.join('\n') })
  }
  return checked
}

/** Requests per second. So many break what is not promised in every run; to pass, a run needs fewer. */
const RATE_TO_FAIL = 100
const RATE_TO_PASS = 40
const CUT = '--nemesis partition-halves --time-limit 5s'
const runOf = (name: string): string => `--workload ${name} ${CUT}`
const MERGING = ['counter', 'delete', 'siblings'].map(runOf)
/** The other workloads run without a bug in check.test.ts. */
const KEPT = ['counter', 'delete', 'causal'].map(runOf)

/** A cluster for the tests of one block, whose nodes have this bug. */
function startForBlock(bug: string | undefined): () => LocalCluster {
  let dir = ''
  let cluster: LocalCluster
  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'quorate-controls-'))
    cluster = await startPlanted(bug, path.join(dir, 'data'))
  })
  afterAll(async () => {
    await cluster.stop()
    await rm(dir, { recursive: true })
  })
  return () => cluster
}

describe('where a merge drops a sibling', () => {
  const cluster = startForBlock('merge-drops-sibling')

  test('counter, delete and siblings fail', async () => {
    for (const { exitCode, said } of await checkAll(cluster(), RATE_TO_FAIL, MERGING)) {
      expect(said).toContain('verdict invalid')
      expect(exitCode).toBe(1)
    }
  })
})

describe('where no bug is planted', () => {
  const cluster = startForBlock(undefined)

  test('counter, delete and causal pass', async () => {
    for (const { exitCode, said } of await checkAll(cluster(), RATE_TO_PASS, KEPT)) {
      expect(said).toContain('verdict valid')
      expect(exitCode).toBe(0)
    }
  })

  test('what sessions are promised at causal fails at eventual, and what is strong in weaker buckets', async () => {
    const broken = await checkAll(cluster(), RATE_TO_FAIL, [
      `--workload causal --consistency eventual ${CUT}`,
      `--workload session --consistency eventual ${CUT}`,
      `--workload register --bucket latest --consistency eventual ${CUT}`,
    ])
    for (const { exitCode, said } of broken) {
      expect(said).toContain('verdict invalid')
      expect(exitCode).toBe(1)
    }
  })
})
