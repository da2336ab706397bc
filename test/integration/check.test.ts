/**
 * The checks against a cluster of real processes that is really cut, killed and paused. Three promises hold, and
 * the control shows that the very same workload finds the loss where nothing is promised: in a bucket where
 * the last writer wins, on both sides of a cut.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type LocalCluster } from '../../src/local-cluster/local-cluster.ts'
import { checkCommand } from '../../src/harness/check-command.ts'
import { NO_PROGRESS } from '../terminal/no-progress.ts'

let dir: string
let cluster: LocalCluster
const lines: string[] = []

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorate-check-'))
  cluster = await startCluster({ nodes: 5, dataDir: path.join(dir, 'data'), basePort: 0 })
})
afterAll(async () => {
  await cluster.stop()
  await rm(dir, { recursive: true })
})

async function check(argv: string): Promise<{ exitCode: number; said: string }> {
  lines.length = 0
  const print = (line: string): void => void lines.push(line)
  const where = [
    '--target',
    'local',
    '--data',
    cluster.dataDir,
    '--results',
    path.join(dir, 'results'),
  ]
  const exitCode = await checkCommand(
    [...argv.split(' '), ...where, '--time-limit', '7s', '--rate', '60'],
    { print, complain: print, stop: new AbortController().signal, progress: NO_PROGRESS },
  )
  return { exitCode, said: lines.join('\n') }
}

/**
 * The file of the run has faults, each of them healed. How many fit into the run is for the machine to say: to make one
 * and to probe it takes seconds where the processor is shared.
 */
async function expectFaults(): Promise<void> {
  const text = await readFile(path.join(dir, 'results', 'latest', 'chaos.jsonl'), 'utf8')
  const lines = text.split('\n')
  const healed = lines.filter((line) => line.includes('"healed"')).length
  expect(healed).toBeGreaterThan(0)
  expect(healed).toBe(lines.filter((line) => line.includes('"started"')).length)
}

test('a set in a siblings bucket loses nothing at quorum while the network is cut', async () => {
  const { exitCode, said } = await check(
    '--workload set --bucket default --consistency quorum --nemesis partition-halves',
  )
  expect(said).toContain('verdict valid')
  expect(exitCode).toBe(0)
  await expectFaults()
})

test('the same set in a last-writer-wins bucket at eventual loses elements, and is reported', async () => {
  const { exitCode, said } = await check(
    '--workload set --bucket latest --consistency eventual --nemesis partition-halves',
  )
  expect(said).toMatch(/verdict invalid, as expected: .* \(\d+ acknowledged writes lost\)/)
  expect(exitCode).toBe(1)
  await expectFaults()
})

test('siblings lose and invent nothing while nodes are cut off, killed and paused', async () => {
  const { exitCode, said } = await check(
    '--workload siblings --bucket default --consistency quorum --nemesis mix',
  )
  expect(said).toContain('verdict valid')
  expect(exitCode).toBe(0)
  await expectFaults()
})

test('strong keys stay linearizable while nodes are killed, and the longest gap of the others is told', async () => {
  const { exitCode, said } = await check('--workload register --nemesis kill')
  expect(said).toContain('verdict valid')
  expect(exitCode).toBe(0)
  await expectFaults()
  expect(said).toMatch(/longest gap: n\d gave no answer for \d+ ms/)
  const results = await readFile(path.join(dir, 'results', 'latest', 'results.json'), 'utf8')
  expect(JSON.parse(results)).toHaveProperty('longestGap.node', expect.stringMatching(/^n\d$/))
})

// The last one: the cluster has other members after it.
test('a set loses nothing while a node joins and another leaves, and who left holds nothing', async () => {
  const { exitCode, said } = await check(
    '--workload set --bucket default --consistency quorum --nemesis membership --seed changes',
  )
  expect(said).toContain('verdict valid')
  const text = await readFile(path.join(dir, 'results', 'latest', 'results.json'), 'utf8')
  const { members } = JSON.parse(text) as {
    members: { done: string[]; leftovers: Record<string, number>; wrongs: string[] }
  }
  expect(members.done).toContain('join n6')
  expect(members.wrongs).toEqual([])
  expect(Object.values(members.leftovers).every((count) => count === 0)).toBe(true)
  expect(exitCode).toBe(0)
})
