/**
 * More idle clients than a node may have open files: new connections are dropped, and the database has the descriptors
 * that it needs. Nothing is refused meanwhile, and nothing has to be started again.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'undici'
import { afterEach, expect, test } from 'vitest'
import { type NodeAddress, planAddresses } from '../../../src/local-cluster/address-plan.ts'
import { pollUntilOk } from '../../../src/local-cluster/http-poll.ts'

const OPEN_FILES_MAX = 80
const CLIENTS = 200
/** Together more than the database keeps in one log: it has to open files. */
const WRITES = 120
const VALUE_BYTES = 200_000
const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))

const directory = mkdtempSync(join(tmpdir(), 'quorate-descriptors-'))
let node: ChildProcess | undefined
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  node?.kill('SIGTERM')
  if (node !== undefined && node.exitCode === null) await once(node, 'exit')
  rmSync(directory, { recursive: true })
})

test('idle clients do not take the descriptors that the disk needs', async () => {
  const [{ clientPort, peerPort, clientUrl }] = (await planAddresses(1, 0)) as [NodeAddress]
  const env = {
    ...process.env,
    QUORATE_NODE_ID: 'n1',
    QUORATE_MEMBERS: `n1=http://127.0.0.1:${peerPort}`,
    QUORATE_LISTEN: `127.0.0.1:${clientPort}`,
    QUORATE_PEER_LISTEN: `127.0.0.1:${peerPort}`,
    QUORATE_DATA_DIR: directory,
    QUORATE_LOG_LEVEL: 'silent',
  }
  const limited = `ulimit -n ${OPEN_FILES_MAX}; exec "$0" "$1"`
  node = spawn('sh', ['-c', limited, process.execPath, MAIN], { env, stdio: 'ignore' })
  expect(await pollUntilOk(`${clientUrl}/readyz`, AbortSignal.timeout(90_000))).toBe(true)

  const client = new Client(clientUrl)
  const put = async (i: number): Promise<number> => {
    const request = { path: `/v1/kv/default/k${i}`, body: randomBytes(VALUE_BYTES) }
    const { statusCode, body } = await client.request({ ...request, method: 'PUT' })
    await body.dump()
    return statusCode
  }
  expect(await put(0)).toBe(204)
  const opened = Array.from({ length: CLIENTS }, () => {
    const socket = connect(clientPort, '127.0.0.1')
    socket.on('error', () => undefined)
    sockets.push(socket)
    return once(socket, 'connect')
  })
  // Each is taken by the kernel; the node keeps as many as it may have.
  await Promise.all(opened)
  const told = new Set<number>()
  for (let i = 1; i <= WRITES; i++) told.add(await put(i))
  expect([...told]).toEqual([204])
  expect(node.exitCode).toBe(null)
  await client.close()
})
