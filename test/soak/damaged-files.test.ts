/**
 * Five processes under load, and in each round a random file of one killed node is damaged at a random place: the node
 * comes back by itself within a minute, and no read at any level is wrong. DAMAGE_ROUNDS sets the number of rounds,
 * DAMAGE_SEED the choice of nodes, files and places.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DATABASE_DIRECTORY, damageFile, type FileDamage } from '../../src/chaos/file-damage.ts'
import { openControl } from '../../src/cluster/control.ts'
import { type LocalCluster, startCluster } from '../../src/cluster/local-cluster.ts'
import { checkCommand } from '../../src/harness/command.ts'
import { whenFilled } from '../../src/harness/filled-nodes.ts'
import { SeededRandom } from '../../src/random/seeded-random.ts'

const ROUNDS = Number(process.env['DAMAGE_ROUNDS'] ?? 5)
const SEED = process.env['DAMAGE_SEED'] ?? 'damage'
const READY_WITHIN_MS = 60_000
const LEASE_MS = 120_000
const AT_WORK = { timeout: 60_000, interval: 200 }
/** Ten times what the checks need to make their keys. */
const REQUESTS_MIN = 500
const LOADS = [
  '--workload set --bucket default --consistency quorum',
  '--workload register --bucket strong --consistency strong',
  '--workload causal --bucket default --consistency causal',
]

let root: string
let cluster: LocalCluster
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'quorate-damage-'))
  cluster = await startCluster({ nodes: 5, dataDir: join(root, 'data'), basePort: 0 })
})
afterAll(async () => {
  await cluster.stop()
  await rm(root, { recursive: true })
})

/** Begins one check; `end` stops its load, and resolves with its exit code and what it said. */
function load(argv: string, number: number): () => Promise<{ exitCode: number; said: string }> {
  const lines: string[] = []
  const print = (line: string): void => void lines.push(line)
  const stop = new AbortController()
  const results = join(root, 'results', String(number))
  const where = ['--target', 'local', '--data', cluster.dataDir, '--results', results]
  const size = '--time-limit 3600s --rate 25 --clients 5 --nemesis none'
  const ended = checkCommand([...argv.split(' '), ...size.split(' '), ...where], {
    print,
    complain: print,
    stop: stop.signal,
  })
  return async () => {
    stop.abort()
    return { exitCode: await ended, said: lines.join('\n') }
  }
}

test(`${ROUNDS} rounds of damage to one node's files, under load`, async () => {
  const random = new SeededRandom(SEED)
  const control = openControl(cluster.dataDir)
  const ids = cluster.nodes.map(({ id }) => id)
  const urls = new Map(cluster.nodes.map(({ id, clientUrl }) => [id, clientUrl]))
  await whenFilled(async () => urls)
  const loads = LOADS.map(load)
  // A check that cannot make its keys ends: the first round waits until all are at work.
  await expect.poll(() => requestsOf([...urls.values()]), AT_WORK).toBeGreaterThan(REQUESTS_MIN)
  const slow: string[] = []
  let longestMs = 0
  for (let round = 1; round <= ROUNDS; round++) {
    const victim = random.pick(ids as [string, ...string[]])
    const kind = random.pick<FileDamage>(['bitflip', 'truncate'])
    await control.kill(victim, LEASE_MS)
    const { dataDir } = (await control.status()).find(({ id }) => id === victim) as {
      dataDir: string
    }
    const what = await damageFile(join(dataDir, DATABASE_DIRECTORY), kind, (bound) =>
      random.below(bound),
    )
    const startMs = performance.now()
    await control.heal()
    const late = await whenFilled(async () => urls, READY_WITHIN_MS).catch(String)
    const tookMs = performance.now() - startMs
    longestMs = Math.max(longestMs, tookMs)
    const line = `round ${round}: ${victim}: ${what}: ready after ${(tookMs / 1000).toFixed(1)} s`
    console.log(line)
    if (late !== undefined) {
      slow.push(`${line}: ${late}`)
      await whenFilled(async () => urls, READY_WITHIN_MS)
    }
  }
  const ends = await Promise.all(loads.map((end) => end()))
  console.log(`${ROUNDS} rounds, the longest took ${(longestMs / 1000).toFixed(1)} s`)
  expect(slow).toEqual([])
  for (const { said } of ends) console.log(said)
  expect(ends.map(({ exitCode }) => exitCode)).toEqual(LOADS.map(() => 0))
})

/** Client requests that the nodes have answered. */
async function requestsOf(urls: readonly string[]): Promise<number> {
  const texts = await Promise.all(urls.map(async (url) => (await fetch(`${url}/metrics`)).text()))
  const counts = texts.join('\n').matchAll(/^quorate_requests_total\{.*\} (\d+)$/gm)
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
}
