/**
 * The ladder of levels on runs against real processes, under faults of every kind: each level of the store keeps the
 * levels that the README promises for it, and the control shows that the ladder finds breaches.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseJsonl } from '../../src/checker/history/jsonl.ts'
import { ladderOf } from '../../src/checker/levels/ladder.ts'
import { LEVELS, SESSION_GUARANTEES, type Level } from '../../src/checker/levels/level.ts'
import { checkCommand } from '../../src/harness/check-command.ts'
import { type LocalCluster, startCluster } from '../../src/local-cluster/local-cluster.ts'
import { NO_PROGRESS } from '../terminal/no-progress.ts'

let dir: string
let cluster: LocalCluster

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorate-levels-'))
  cluster = await startCluster({ nodes: 5, dataDir: path.join(dir, 'data'), basePort: 0 })
})
afterAll(async () => {
  await cluster.stop()
  await rm(dir, { recursive: true })
})

/** The levels that the history of a run breaks. */
async function brokenAfter(argv: string): Promise<Level[]> {
  const results = path.join(dir, 'results')
  const where = ['--target', 'local', '--data', cluster.dataDir, '--results', results]
  const lines: string[] = []
  const print = (line: string): void => void lines.push(line)
  const code = await checkCommand(
    [...argv.split(' '), ...where, '--time-limit', '15s', '--rate', '100'],
    { print, complain: print, stop: new AbortController().signal, progress: NO_PROGRESS },
  )
  expect([0, 1, 2], lines.join('\n')).toContain(code)
  const text = await readFile(path.join(results, 'latest', 'history.jsonl'), 'utf8')
  const { rungs } = ladderOf(parseJsonl(text), undefined)
  return rungs.filter(({ judgement }) => judgement.type === 'broken').map(({ level }) => level)
}

test('strong keys keep every level', async () => {
  expect(await brokenAfter('--workload register --nemesis mix')).toEqual([])
})

test('sessions at causal keep causal and the session guarantees, and lose no write', async () => {
  const broken = await brokenAfter('--workload session --consistency causal --nemesis mix')
  const allowed: readonly Level[] = ['linearizable', 'sequential']
  expect(broken.filter((level) => !allowed.includes(level))).toEqual([])
})

test('quorum keeps the session guarantees, and loses no write', async () => {
  const broken = await brokenAfter(
    '--workload register --bucket latest --consistency quorum --nemesis mix',
  )
  const promised: readonly Level[] = [...SESSION_GUARANTEES, 'no lost writes']
  expect(broken.filter((level) => promised.includes(level))).toEqual([])
})

test('eventual is not linearizable while the network is cut', async () => {
  const broken = await brokenAfter(
    '--workload register --bucket latest --consistency eventual --nemesis partition-halves',
  )
  expect(broken).toContain(LEVELS[0])
})
