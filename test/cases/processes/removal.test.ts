/**
 * A member that is removed while a fault keeps it down: when the fault ends, the supervisor starts the node, the node
 * finds that it is no member, and the supervisor stops it for good. So the cluster can be healed.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chaosCommand } from '../../../src/chaos/chaos-command.ts'
import { openControl } from '../../../src/local-cluster/control.ts'
import { type LocalCluster, startCluster } from '../../../src/local-cluster/local-cluster.ts'

const WAIT = { timeout: 90_000, interval: 100 }

let directory = ''
let dataDir = ''
let cluster: LocalCluster
const reported: string[] = []
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-removal-'))
  dataDir = join(directory, 'data')
  const report = (line: string): void => void reported.push(line)
  cluster = await startCluster({ nodes: 4, dataDir, basePort: 0, report })
})
afterAll(async () => {
  await cluster.stop()
  await rm(directory, { recursive: true })
})

/** The exit code, and what was said. */
async function chaos(command: string): Promise<[number, string]> {
  const lines: string[] = []
  const say = (line: string): void => void lines.push(line)
  const argv = [...command.split(' '), '--target', 'local', '--data', dataDir]
  const terminal = { print: say, complain: say, directory, script: 'of Docker only' }
  const code = await chaosCommand(argv, terminal)
  return [code, lines.at(-1) ?? '']
}

test('a node that was removed while it was killed is stopped, and the rest is healed', async () => {
  const [n1, , , n4] = cluster.nodes
  expect((await chaos('kill n4 --for 60s'))[0]).toBe(0)
  const removed = async (): Promise<number> =>
    (
      await fetch(`${n1?.clientUrl}/v1/cluster/apply`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"remove":"n4"}',
      })
    ).status
  expect(await removed()).toBe(202)
  const change = async (): Promise<unknown> =>
    ((await (await fetch(`${n1?.clientUrl}/v1/cluster/moves`)).json()) as { change: unknown })
      .change
  await expect.poll(change, WAIT).toBe(null)

  expect(await chaos('heal')).toEqual([0, 'healed: every node runs and reaches every other one'])
  expect((await openControl(dataDir).status()).map(({ id }) => id)).toEqual(['n1', 'n2', 'n3'])
  expect(reported).toEqual([
    'n4 has left the cluster and was stopped; npm start will not start it again',
  ])
  await expect(fetch(`${n4?.clientUrl}/livez`)).rejects.toThrow()
  expect((await chaos('heal'))[0]).toBe(0)
})
