/**
 * Two watches of a bucket under 100 000 changes, while nodes are cut, killed, paused and skewed, and while one joins, one
 * leaves, and one is replaced. At the end each reader knows every key as the store has it: it has been told, or a reset
 * made it begin again. WATCHED_CHANGES sets how many changes.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { planChanges, runChanges, steadyNodes } from '../../src/harness/check-membership.ts'
import {
  type Fault,
  FAULTS,
  OF_ONE_NODE,
  planFaults,
  runNemesis,
} from '../../src/harness/check-nemesis.ts'
import { Fleet } from '../../src/harness/fleet.ts'
import { Recorder } from '../../src/harness/recorder.ts'
import { settle } from '../../src/harness/settle.ts'
import { localFaults } from '../../src/harness/targets/local-faults.ts'
import { localMembership } from '../../src/harness/targets/local-membership.ts'
import { type LocalCluster, startCluster } from '../../src/local-cluster/local-cluster.ts'
import { SeededRandom } from '../../src/random/seeded-random.ts'
import { ChangingKeys } from './changing-keys.ts'
import { WatchedKeys } from './watched-keys.ts'

const CHANGES = Number(process.env['WATCHED_CHANGES'] ?? 100_000)
const BUCKET = 'default'
const KEYS = 5000
const MIX_MS = 120_000
/** Longer, because the moves of data wait for the nodes that faults hit. */
const MEMBERSHIP_MS = 300_000
const NODES_POLL_MS = 1000
const SETTLE_MS = 180_000
const WAIT = { timeout: 180_000, interval: 1000 }

let dir: string
let cluster: LocalCluster
let urls: readonly string[]

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quorate-watches-'))
  cluster = await startCluster({ nodes: 5, dataDir: join(dir, 'data'), basePort: 0 })
  urls = cluster.nodes.map(({ clientUrl }) => clientUrl)
})
afterAll(async () => {
  await cluster.stop()
  await rm(dir, { recursive: true })
})

/** Follows the members, which change. */
async function followNodes(over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    urls = (await cluster.control.status()).map(({ clientUrl }) => clientUrl)
    await sleep(NODES_POLL_MS, undefined, { signal: over }).catch(() => undefined)
  }
}

/** Breaks and heals the cluster until the work is done, and changes its members in the second round. */
async function breakCluster(work: ChangingKeys, stop: AbortSignal): Promise<void> {
  for (let round = 0; (round < 2 || work.done < CHANGES) && !stop.aborted; round++) {
    await breakOnce(round === 1, `watches ${round}`, stop)
    console.log(`${work.done} changes after ${round + 1} rounds of faults`)
  }
}

async function breakOnce(changesMembers: boolean, seed: string, stop: AbortSignal): Promise<void> {
  const nodes = await cluster.control.status()
  const ids = nodes.map(({ id }) => id)
  const timeLimitMs = changesMembers ? MEMBERSHIP_MS : MIX_MS
  const membership = localMembership(cluster.dataDir, ids)
  const changes = changesMembers ? planChanges(ids, membership.newcomers, timeLimitMs) : []
  const faults: readonly Fault[] = changesMembers ? OF_ONE_NODE : FAULTS
  const steady = steadyNodes(ids, changes)
  const plan = planFaults(new SeededRandom(seed), { faults, nodes: steady, timeLimitMs })
  // Moves go on between the faults.
  const fewer = plan.filter((_, i) => !changesMembers || i % 2 === 0)
  const recorder = new Recorder()
  const fleet = new Fleet(nodes.map(({ id, clientUrl }) => ({ node: id, url: clientUrl })))
  const over = AbortSignal.any([stop, AbortSignal.timeout(timeLimitMs)])
  const driver = localFaults(cluster.dataDir)
  const shared = { recorder, startedAtMs: 0, print: (line: string): void => console.log(line) }
  try {
    const [made] = await Promise.all([
      runChanges(changes, { ...shared, fleet, driver: membership, stop: over }),
      runNemesis(fewer, { ...shared, driver, over, stop }),
    ])
    if (!stop.aborted) expect(made).toEqual(changes)
  } finally {
    await fleet.close()
  }
}

/** Why the cluster does not become healthy; undefined if it does. */
async function unsettled(): Promise<string | undefined> {
  const fleet = new Fleet(urls.map((url) => ({ node: url, url })))
  try {
    return await settle(fleet.present, SETTLE_MS)
  } finally {
    await fleet.close()
  }
}

test(`two watches under ${CHANGES} changes`, async () => {
  const over = new AbortController()
  const slow = new WatchedKeys(BUCKET, over.signal)
  const hopping = new WatchedKeys(BUCKET, over.signal)
  const work = new ChangingKeys(BUCKET, KEYS)
  const reading = Promise.all([
    slow.readSlowly(() => urls),
    hopping.readHopping(() => urls),
    followNodes(over.signal),
  ])
  // It is told where it is awaited.
  reading.catch(() => over.abort())
  for (const reader of [slow, hopping]) {
    await expect.poll(() => reader.hasBegun, WAIT).toBe(true)
  }

  const startMs = performance.now()
  const seconds = (): number => Math.round((performance.now() - startMs) / 1000)
  const writesOver = new AbortController()
  const working = work.change(() => urls, AbortSignal.any([writesOver.signal, over.signal]))
  await breakCluster(work, over.signal)
  if (over.signal.aborted) await reading
  writesOver.abort()
  await working
  console.log(`${work.done} changes in ${seconds()} s; requests by status`, work.statuses)

  expect(await unsettled()).toBeUndefined()
  slow.isSlow = false
  const convergence = async (): Promise<unknown> =>
    (await fetch(`${urls[0]}/v1/cluster/convergence?bucket=${BUCKET}`)).json()
  await expect.poll(convergence, WAIT).toMatchObject({ converged: true })
  for (const [name, reader] of Object.entries({ slow, hopping })) {
    await expect.poll(() => reader.wrongs(urls), { ...WAIT, message: name }).toEqual([])
    console.log(name, reader.counts, `after ${seconds()} s`)
  }
  over.abort()
  await reading
  expect(work.done).toBeGreaterThanOrEqual(CHANGES)
})
