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
import { openControl } from '../../src/local-cluster/control.ts'
import { type LocalCluster, startCluster } from '../../src/local-cluster/local-cluster.ts'
import { checkCommand } from '../../src/harness/check-command.ts'
import { whenFilled } from '../../src/harness/targets/filled-nodes.ts'
import { SeededRandom } from '../../src/random/seeded-random.ts'
import { KnownValues } from './known-values.ts'
import { NO_PROGRESS } from '../terminal/no-progress.ts'

const ROUNDS = Number(process.env['DAMAGE_ROUNDS'] ?? 5)
const SEED = process.env['DAMAGE_SEED'] ?? 'damage'
/** The checks end and are judged after so many rounds, because histories and their values grow. */
const ROUNDS_PER_CHECK = 20
const READY_WITHIN_MS = 60_000
const LEASE_MS = 120_000
const AT_WORK = { timeout: 60_000, interval: 200 }
/** More than the checks need to make their keys. */
const WRITES_MIN = 100
/** Of each bucket: enough for tables beside the logs on each node. They are few, because filling a node costs by the key. */
const KNOWN_KEYS = 100
const CHECKS = [
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

/** Ends the check's load, and resolves with its exit code and what it said. */
type EndCheck = () => Promise<{ readonly exitCode: number; readonly said: string }>

function startCheck(argv: string): EndCheck {
  const lines: string[] = []
  const print = (line: string): void => void lines.push(line)
  const stop = new AbortController()
  // A directory of its own, because each check points `latest` there to its own run.
  const results = join(root, 'results', argv.split(' ')[1] as string)
  const where = ['--target', 'local', '--data', cluster.dataDir, '--results', results]
  const size = '--time-limit 3600s --rate 25 --clients 5 --nemesis none'
  const ended = checkCommand([...argv.split(' '), ...size.split(' '), ...where], {
    print,
    complain: print,
    stop: stop.signal,
    progress: NO_PROGRESS,
  })
  return async () => {
    stop.abort()
    return { exitCode: await ended, said: lines.join('\n') }
  }
}

/** A check that cannot make its keys ends, so nothing may be broken before all of them are at work. */
async function startChecks(urls: readonly string[]): Promise<EndCheck[]> {
  const before = await writesOf(urls)
  const checks = CHECKS.map(startCheck)
  await expect.poll(() => writesOf(urls), AT_WORK).toBeGreaterThan(before + WRITES_MIN)
  return checks
}

async function endChecks(checks: readonly EndCheck[]): Promise<void> {
  const ends = await Promise.all(checks.map((end) => end()))
  for (const { said } of ends) console.log(said)
  expect(ends.map(({ exitCode }) => exitCode)).toEqual(CHECKS.map(() => 0))
}

test(`${ROUNDS} rounds of damage to one node's files, under load`, async () => {
  const random = new SeededRandom(SEED)
  const control = openControl(cluster.dataDir)
  const ids = cluster.nodes.map(({ id }) => id)
  const nodes = new Map(cluster.nodes.map(({ id, clientUrl }) => [id, clientUrl]))
  const urls = [...nodes.values()]
  await whenFilled(async () => nodes)
  const known = new KnownValues(urls, KNOWN_KEYS)
  await known.write()
  known.startReads()
  let checks = await startChecks(urls)
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
    const late = await whenFilled(async () => nodes, READY_WITHIN_MS).catch(String)
    const tookMs = performance.now() - startMs
    longestMs = Math.max(longestMs, tookMs)
    const line = `round ${round}: ${victim}: ${what}: ready after ${(tookMs / 1000).toFixed(1)} s`
    console.log(line)
    if (late !== undefined) {
      slow.push(`${line}: ${late}`)
      await whenFilled(async () => nodes, READY_WITHIN_MS)
    }
    expect(known.wrongs).toEqual([])
    if (round % ROUNDS_PER_CHECK !== 0 || round === ROUNDS) continue
    await endChecks(checks)
    checks = await startChecks(urls)
  }
  await endChecks(checks)
  await known.stopReads()
  await known.readAll('quorum')
  console.log(`${ROUNDS} rounds, the longest took ${(longestMs / 1000).toFixed(1)} s`)
  console.log('reads of known values', Object.fromEntries(known.counts))
  expect(known.wrongs).toEqual([])
  expect(slow).toEqual([])
})

/** Writes of clients that the nodes have answered. */
async function writesOf(urls: readonly string[]): Promise<number> {
  const texts = await Promise.all(urls.map(async (url) => (await fetch(`${url}/metrics`)).text()))
  const counts = texts.join('\n').matchAll(/^quorate_requests_total\{[^}]*op="put".*\} (\d+)$/gm)
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
}
