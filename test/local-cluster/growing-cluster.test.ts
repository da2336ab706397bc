/**
 * A node that is started beside a running local cluster, joins it, and stays one of its nodes. The one that joins
 * here is a member already, so that no copies have to move: as if it had left the machine, but not the cluster.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLocalTarget } from '../../src/chaos/local-chaos-target.ts'
import { clusterCommand } from '../../src/local-cluster/cluster-command.ts'
import { openControl } from '../../src/local-cluster/control.ts'
import { type LocalCluster, startCluster } from '../../src/local-cluster/local-cluster.ts'
import { openRoster, withoutNodes, writeRoster } from '../../src/local-cluster/roster.ts'
import { findLocalCluster } from '../../src/harness/targets/local-check-target.ts'
import { type CliOptions, quorate } from '../cli/cli-run.ts'

const WAIT = { timeout: 90_000, interval: 20 }
/** For the moves of a change, and then for the next look at who has left. */
const LONG_WAIT = { timeout: 120_000, interval: 100 }

let dataDir = ''
let cluster: LocalCluster | undefined
const reported: string[] = []

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'quorate-growing-'))
  reported.length = 0
})

afterEach(async () => {
  await cluster?.stop()
  rmSync(dataDir, { recursive: true })
})

async function start(): Promise<LocalCluster> {
  const report = (line: string): void => void reported.push(line)
  cluster = await startCluster({ nodes: 3, dataDir, basePort: 0, report })
  return cluster
}

async function states(): Promise<string[][]> {
  return (await openControl(dataDir).status()).map(({ id, state }) => [id, state])
}

function through(node: { readonly clientUrl: string } | undefined): CliOptions {
  return { endpoints: [node?.clientUrl ?? ''] }
}

/** `npm start -- …`: its exit code, and what it prints. */
async function command(...argv: string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = []
  const say = (line: string): void => void lines.push(line)
  const never = new AbortController().signal
  const code = await clusterCommand([...argv, '--data', dataDir], {
    print: say,
    complain: say,
    stop: never,
    stopNow: never,
  })
  return { code, lines }
}

test('a node joins, is one of the nodes for faults and checks, and is there after the next start', async () => {
  writeRoster(dataDir, withoutNodes(await openRoster(dataDir, 3, 0), ['n3']))
  await start()
  expect(await states()).toEqual([
    ['n1', 'running'],
    ['n2', 'running'],
  ])

  const { code, lines } = await command('--join', 'n3')
  expect([code, lines[0]]).toEqual([0, expect.stringMatching(/^n3 answers on http:.+ joins the/)])
  expect(lines[1]).toMatch(/^curl http:\/\/localhost:\d+\/v1\/cluster\/moves /)
  expect(await (await openLocalTarget(dataDir))?.nodes()).toEqual(['n1', 'n2', 'n3'])
  const { endpoints = [] } = (await findLocalCluster(dataDir)) ?? {}
  expect(endpoints.map(({ node }) => node)).toEqual(['n1', 'n2', 'n3'])

  const control = openControl(dataDir)
  await control.kill('n3', 600_000)
  await control.heal()
  await expect.poll(async () => (await states())[2], WAIT).toEqual(['n3', 'running'])
  await cluster?.stop()

  await start()
  expect(reported).toEqual([])
  expect(new Set((await states()).map(([id]) => id))).toEqual(new Set(['n1', 'n2', 'n3']))
})

test('a new node joins, an old one leaves, and the next start has the one and not the other', async () => {
  const { nodes } = await start()
  expect((await command('--join', 'n4')).code).toBe(0)
  // A change is refused until the join is over. The leave is followed through the node that leaves.
  expect(await quorate('moves --wait', through(nodes[0]))).toMatchObject({ code: 0 })
  expect(await quorate('apply leave n2 --wait', through(nodes[1]))).toMatchObject({
    code: 0,
    printed: expect.stringContaining('The change has ended'),
  })
  await expect.poll(async () => (await states()).map(([id]) => id), LONG_WAIT).not.toContain('n2')
  expect(reported).toEqual([expect.stringContaining('n2 has left the cluster')])
  // Nobody else would end the change in the place of a node that is stopped.
  const change = async (): Promise<unknown> => {
    const moves = await (await fetch(`${nodes[0]?.clientUrl}/v1/cluster/moves`)).json()
    return (moves as { change: unknown }).change
  }
  await expect.poll(change, WAIT).toBeNull()
  await cluster?.stop()

  await start()
  expect((await states()).map(([id]) => id)).toEqual(['n1', 'n3', 'n4'])
})

test('a node that the cluster refuses gets the reason, and does not become a node', async () => {
  await start()
  const { code, lines } = await command('--join', 'n4', '--replaces', 'n9')
  expect([code, lines]).toEqual([1, [expect.stringMatching(/^n4 .+ does not let it join: /)]])
  expect(reported).toEqual([])
  expect((await states()).map(([id]) => id)).toEqual(['n1', 'n2', 'n3'])

  expect(await command('--join', 'n2')).toEqual({
    code: 1,
    lines: ['n2 is already a node of this cluster'],
  })
})

test('without a running cluster no node can join', async () => {
  expect(await command('--join', 'n6')).toMatchObject({
    code: 1,
    lines: [expect.stringContaining('no cluster runs on')],
  })
})
