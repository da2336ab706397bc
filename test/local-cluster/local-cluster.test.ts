/**
 * A real cluster of three processes, and what its supervisor promises: faults are leases, what ends by itself is
 * told and started again, and nothing is left behind. The tests share the cluster; each leaves it healed.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openControl, type NodeStatus } from '../../src/local-cluster/control.ts'
import { type NodeAddress, planAddresses } from '../../src/local-cluster/address-plan.ts'
import { startCluster, type LocalCluster } from '../../src/local-cluster/local-cluster.ts'
import { createNodeProcess } from '../../src/local-cluster/node-process.ts'
import { superviseNodes, type Supervisor } from '../../src/local-cluster/supervisor.ts'
import { isAlive } from './process-life.ts'

const LONG_MS = 600_000
const WAIT = { timeout: 45_000, interval: 20 }
const TRIED_TWICE = [
  expect.stringMatching(/^n1 could not start: .+; it will restart in 1 s$/),
  expect.stringMatching(/^n1 could not start: .+; it will restart in 2 s$/),
]

describe('a local cluster of three nodes', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'quorate-cluster-'))
  const dataDir = join(scratch, 'data')
  const control = openControl(dataDir)
  const reported: string[] = []
  let cluster: LocalCluster

  beforeAll(async () => {
    cluster = await startCluster({
      nodes: 3,
      dataDir,
      basePort: 0,
      env: { QUORATE_DURABILITY: 'os' },
      report: (line) => reported.push(line),
    })
  })

  afterAll(async () => {
    const pids = (await cluster.control.status()).map(({ pid }) => pid)
    const forced = await cluster.stop()
    rmSync(scratch, { recursive: true, force: true })

    expect(forced).toEqual([])
    expect(pids.filter(isAlive)).toEqual([])
  })

  async function node(id: string): Promise<NodeStatus> {
    const found = (await control.status()).find((status) => status.id === id)
    if (found === undefined) throw new Error(`no ${id}`)
    return found
  }

  async function answers(id: string): Promise<boolean> {
    const { clientUrl } = await node(id)
    const response = await fetch(`${clientUrl}/livez`).catch(() => undefined)
    return response?.ok === true
  }

  test('stores a value on one node and serves it from another', async () => {
    const [n1, , n3] = cluster.nodes
    const put = await fetch(`${n1?.clientUrl}/v1/kv/default/hello`, {
      method: 'PUT',
      body: 'world',
    })
    const get = await fetch(`${n3?.clientUrl}/v1/kv/default/hello?consistency=quorum`)

    expect(put.status).toBe(204)
    expect(await get.text()).toBe('world')
  })

  test('tells where its nodes are', async () => {
    const status = await control.status()

    expect(status.map(({ id, state }) => [id, state])).toEqual([
      ['n1', 'running'],
      ['n2', 'running'],
      ['n3', 'running'],
    ])
    expect(status.map(({ clientUrl }) => clientUrl)).toEqual(
      cluster.nodes.map(({ clientUrl }) => clientUrl),
    )
    expect(status.filter(({ pid }) => isAlive(pid))).toHaveLength(3)
    expect(status.map(({ leaseEndsAtMs }) => leaseEndsAtMs)).toEqual([null, null, null])
  })

  test('a killed node is gone until the lease ends', async () => {
    const before = await node('n2')
    await control.kill('n2', LONG_MS)
    const killed = await node('n2')

    expect(isAlive(before.pid)).toBe(false)
    expect(killed).toMatchObject({ state: 'killed', pid: null })
    expect(killed.leaseEndsAtMs).toBeGreaterThan(Date.now())

    // A new lease takes the place of the long one.
    await control.kill('n2', 1)
    await expect.poll(async () => (await node('n2')).state, WAIT).toBe('running')
    await expect.poll(() => answers('n2'), WAIT).toBe(true)
    expect((await node('n2')).pid).not.toBe(before.pid)
  })

  test('a paused node stands still until it is healed, and is the same one then', async () => {
    const before = await node('n3')
    await control.pause('n3', LONG_MS)

    expect(await node('n3')).toMatchObject({ state: 'paused', pid: before.pid })
    await expect(
      fetch(`${before.clientUrl}/livez`, { signal: AbortSignal.timeout(300) }),
    ).rejects.toThrow()

    await control.heal()
    expect(await node('n3')).toMatchObject({
      state: 'running',
      pid: before.pid,
      leaseEndsAtMs: null,
    })
    expect(await answers('n3')).toBe(true)
  })

  test('a pause ends with its lease', async () => {
    await control.pause('n1', 200)
    await expect.poll(async () => (await node('n1')).state, WAIT).toBe('running')
    expect(await answers('n1')).toBe(true)
  })

  test('healing undoes everything, any number of times', async () => {
    await control.kill('n1', LONG_MS)
    await control.pause('n2', LONG_MS)
    await control.kill('n2', LONG_MS)
    await Promise.all([control.heal(), control.heal()])
    await control.heal()

    expect(await Promise.all(['n1', 'n2', 'n3'].map(answers))).toEqual([true, true, true])
  })

  test('a restart stops the node cleanly and starts it again', async () => {
    const before = await node('n1')
    await control.restart('n1')
    const after = await node('n1')

    expect(isAlive(before.pid)).toBe(false)
    expect(after).toMatchObject({ state: 'running', leaseEndsAtMs: null })
    expect(await answers('n1')).toBe(true)
  })

  test('a restart starts a killed node before its lease ends', async () => {
    await control.kill('n1', LONG_MS)
    await control.restart('n1')

    expect(await node('n1')).toMatchObject({ state: 'running', leaseEndsAtMs: null })
    expect(await answers('n1')).toBe(true)
  })

  test('a node that ends by itself is told once, and started again after a pause', async () => {
    const { pid } = await node('n2')
    process.kill(pid as number, 'SIGKILL')
    await expect.poll(() => reported, WAIT).toContain('n2 has restarted')
    await expect.poll(() => answers('n2'), WAIT).toBe(true)

    expect((await node('n2')).pid).not.toBe(pid)
    const [told, ...more] = reported.filter((line) => line.startsWith('n2 exited unexpectedly'))
    expect(more).toEqual([])
    expect(told).toMatch(/^n2 exited unexpectedly \(SIGKILL\).*; it will restart in 1 s$/)
  })

  test('a lease keeps a node down that exited a moment before', async () => {
    const { pid } = await node('n3')
    process.kill(pid as number, 'SIGKILL')
    await expect
      .poll(() => reported, WAIT)
      .toContainEqual(expect.stringMatching(/^n3 exited unexpectedly/))
    await control.kill('n3', 2500)
    const { leaseEndsAtMs } = await node('n3')
    // Longer than the pause after which it would have been started again.
    for (;;) {
      const { state } = await node('n3')
      if (Date.now() >= (leaseEndsAtMs as number)) break
      expect(state).toBe('killed')
    }
    await expect.poll(() => answers('n3'), WAIT).toBe(true)
  })

  test('nonsense is refused in a sentence', async () => {
    await expect(control.kill('n9', 1000)).rejects.toThrow(
      'there is no node n9; the nodes are n1, n2, n3',
    )
    await expect(control.pause('n1', -1)).rejects.toThrow('forMs must be a whole number')
    await expect(control.pause('n1', Number.NaN)).rejects.toThrow('forMs must be a whole number')
  })

  test('a second cluster on the same directory is refused', async () => {
    await expect(startCluster({ nodes: 1, dataDir, basePort: 0 })).rejects.toThrow(
      `${dataDir} is in use by a running cluster (process ${process.pid})`,
    )
    expect(await answers('n1')).toBe(true)
  })
})

describe('a node that cannot be started again', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'quorate-supervisor-'))
  const reported: string[] = []

  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  async function supervise(
    env: Record<string, string>,
    nodeDir = join(scratch, 'n1'),
  ): Promise<Supervisor> {
    const [address] = await planAddresses(1, 0)
    const { clientUrl, clientPort, peerPort, peerUrl } = address as NodeAddress
    const whole = {
      ...process.env,
      QUORATE_NODE_ID: 'n1',
      QUORATE_MEMBERS: `n1=${peerUrl}`,
      QUORATE_LISTEN: `127.0.0.1:${clientPort}`,
      QUORATE_PEER_LISTEN: `127.0.0.1:${peerPort}`,
      QUORATE_DATA_DIR: join(scratch, 'n1'),
      ...env,
    }
    const spec = { id: 'n1', nodeDir, clientUrl, env: whole }
    const node = createNodeProcess(spec, { ended: () => undefined, removed: () => undefined })
    reported.length = 0
    return superviseNodes([{ process: node, peerUrl }], (line) => reported.push(line))
  }

  test('is left down where a setting is bad', async () => {
    const supervisor = await supervise({ QUORATE_DURABILITY: 'hope' })
    await expect(supervisor.restart('n1')).rejects.toThrow('n1 could not start: QUORATE_DURABILITY')
    expect(reported).toEqual([
      expect.stringMatching(/; start it again with: npm run chaos -- restart n1$/),
    ])
    await supervisor.stop()
  })

  test('is left down where its database needs a repair', async () => {
    // As such a node ends (src/main.ts), without a database to damage.
    const supervisor = await supervise({
      NODE_OPTIONS: '--import=data:text/javascript,process.exit(3)',
    })
    await expect(supervisor.restart('n1')).rejects.toThrow('n1 could not start')
    expect(reported).toEqual([
      expect.stringMatching(/; start it again with: npm run chaos -- restart n1$/),
    ])
    await supervisor.stop()
  })

  test('is tried again where not even its directory can be made', async () => {
    const file = join(scratch, 'no-directory')
    writeFileSync(file, '')
    const supervisor = await supervise({}, join(file, 'n1'))
    await expect(supervisor.restart('n1')).rejects.toThrow('n1 could not start: ')
    await expect.poll(() => reported, WAIT).toEqual(TRIED_TWICE)
    await supervisor.stop()
  })

  test('is tried again, after a pause that grows', async () => {
    const file = join(scratch, 'file')
    writeFileSync(file, '')
    const supervisor = await supervise({ QUORATE_DATA_DIR: file })
    await expect(supervisor.restart('n1')).rejects.toThrow('n1 could not start')
    await expect.poll(() => reported, WAIT).toEqual(TRIED_TWICE)
    await supervisor.stop()
  })
})

describe('a local cluster that cannot start', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'quorate-cluster-'))

  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  test('names the node whose port is taken, and leaves nothing behind', async () => {
    const blocker = createServer().listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    const { port } = blocker.address() as AddressInfo
    const dataDir = join(scratch, 'taken')

    await expect(startCluster({ nodes: 1, dataDir, basePort: port })).rejects.toThrow(
      `n1 could not start: port ${port} is taken`,
    )
    expect(existsSync(join(dataDir, 'cluster.json'))).toBe(false)
    blocker.close()
  })

  test('names the directory that cannot be used', async () => {
    const file = join(scratch, 'file')
    writeFileSync(file, '')

    await expect(
      startCluster({ nodes: 1, dataDir: join(file, 'data'), basePort: 0 }),
    ).rejects.toThrow(`${join(file, 'data')} cannot be used: ENOTDIR`)
  })

  test('names the node and the setting that it does not accept', async () => {
    const starting = startCluster({
      nodes: 1,
      dataDir: join(scratch, 'setting'),
      basePort: 0,
      env: { QUORATE_DURABILITY: 'hope' },
    })

    await expect(starting).rejects.toThrow(/^n1 could not start: QUORATE_DURABILITY="hope"/)
  })

  test('can be given up', async () => {
    const signal = AbortSignal.abort()
    const dataDir = join(scratch, 'given-up')

    await expect(startCluster({ nodes: 1, dataDir, basePort: 0, signal })).rejects.toThrow(
      'aborted',
    )
    await expect(openControl(dataDir).status()).rejects.toThrow(`no cluster runs on ${dataDir}`)
  })

  test('starts in a directory whose path is too long for a socket', async () => {
    const dataDir = join(scratch, 'long'.repeat(30))
    const cluster = await startCluster({ nodes: 1, dataDir, basePort: 0 })
    const status = await openControl(dataDir).status()
    await cluster.stop()

    expect(status).toHaveLength(1)
  })
})
