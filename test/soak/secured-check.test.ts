/** Promises hold under faults while everything is on: HTTPS, mutual TLS between the nodes, and tokens. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LocalCluster, startCluster } from '../../src/local-cluster/local-cluster.ts'
import { TestAuthority, writeFiles } from '../certificates/test-authority.ts'

const CHECK = fileURLToPath(new URL('../../scripts/check.ts', import.meta.url))
const IDS = ['n1', 'n2', 'n3', 'n4', 'n5']
const ROOT_TOKEN = 'k3wU9xT7hQ2mZ8vB4nC6yR1sD5fG0jLp'

let dir: string
let cluster: LocalCluster | undefined

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorate-secured-'))
  const pathOf = (name: string): string => path.join(dir, name)
  const [clients, peers] = [new TestAuthority(), new TestAuthority()]
  const [server, peer] = [clients.issue(['localhost', '127.0.0.1']), peers.issue(IDS)]
  writeFiles({
    [pathOf('ca.pem')]: clients.cert,
    [pathOf('server.pem')]: server.cert,
    [pathOf('server.key')]: server.key,
    [pathOf('peer-ca.pem')]: peers.cert,
    [pathOf('peer.pem')]: peer.cert,
    [pathOf('peer.key')]: peer.key,
  })
  await writeFile(pathOf('root-token'), ROOT_TOKEN)
  const env = {
    QUORATE_TLS_CERT: pathOf('server.pem'),
    QUORATE_TLS_KEY: pathOf('server.key'),
    QUORATE_PEER_TLS_CERT: pathOf('peer.pem'),
    QUORATE_PEER_TLS_KEY: pathOf('peer.key'),
    QUORATE_PEER_TLS_CA: pathOf('peer-ca.pem'),
    QUORATE_AUTH: 'on',
    QUORATE_ROOT_TOKEN_FILE: pathOf('root-token'),
  }
  cluster = await startCluster({ nodes: IDS.length, dataDir: pathOf('data'), basePort: 0, env })
})
afterAll(async () => {
  await cluster?.stop()
  await rm(dir, { recursive: true })
})

/** A process of its own, because Node.js reads NODE_EXTRA_CA_CERTS only when it starts. */
function check(argv: string): Promise<{ code: unknown; printed: string }> {
  const where = ['--target', 'local', '--data', cluster?.dataDir ?? '', '--time-limit', '60s']
  const files = [
    '--token-file',
    path.join(dir, 'root-token'),
    '--results',
    path.join(dir, 'results'),
  ]
  const args = [CHECK, ...argv.split(' '), ...where, ...files]
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: path.join(dir, 'ca.pem') }
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, printed: stdout + stderr })
    })
  })
}

test.each(['--workload register', '--workload set --consistency quorum'])(
  '%s is valid under every fault',
  async (workload) => {
    const { code, printed } = await check(`${workload} --nemesis mix`)
    expect(code, printed).toBe(0)
  },
)

test('without a token, a check gets nothing done', async () => {
  const url = (cluster?.nodes ?? []).map(({ clientUrl }) => clientUrl).join(',')
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: path.join(dir, 'ca.pem') }
  const args = [CHECK, '--workload', 'register', '--target', url, '--time-limit', '2s']
  const code = await new Promise((resolve) => {
    execFile(
      process.execPath,
      [...args, '--results', path.join(dir, 'refused')],
      { env },
      (error) => resolve(error?.code ?? 0),
    )
  })
  expect(code).not.toBe(0)
})
