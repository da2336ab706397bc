/** Which ports let strangers in, and that a node says so. */
import { expect, test } from 'vitest'
import { openPorts } from '../../src/server/open-ports.ts'
import { parseSettings } from '../../src/server/settings/settings.ts'
import { startCluster } from '../api/test-cluster.ts'

const HERE = { QUORATE_LISTEN: '127.0.0.1:0', QUORATE_PEER_LISTEN: '127.0.0.1:0' }
const TOKENS = { QUORATE_AUTH: 'on', QUORATE_ROOT_TOKEN_FILE: 'root' }
const CLIENT_TLS = { QUORATE_TLS_CERT: 'cert', QUORATE_TLS_KEY: 'key' }
const CLIENT_CA = { ...CLIENT_TLS, QUORATE_TLS_CLIENT_CA: 'ca' }
const PEER_TLS = {
  QUORATE_PEER_TLS_CERT: 'cert',
  QUORATE_PEER_TLS_KEY: 'key',
  QUORATE_PEER_TLS_CA: 'ca',
}

function open(env: Record<string, string>): string {
  const parsed = parseSettings({
    QUORATE_NODE_ID: 'n1',
    QUORATE_MEMBERS: 'n1=http://n1:7080',
    QUORATE_DATA_DIR: 'data',
    ...env,
  })
  if (!parsed.ok) throw new Error(parsed.problem)
  return openPorts(parsed.settings)
    .map(({ port }) => port)
    .join(' ')
}

test.each([
  ['by default', {}, 'client peer'],
  ['on loopback addresses', HERE, ''],
  ['with tokens alone', TOKENS, 'peer'],
  ['with encryption of requests alone', CLIENT_TLS, 'client peer'],
  ['with client certificates alone', CLIENT_CA, 'peer'],
  ['with TLS between nodes alone', PEER_TLS, 'client'],
  ['with tokens and TLS between nodes', { ...TOKENS, ...PEER_TLS }, ''],
  [
    'with tokens, while TLS between nodes is optional',
    { ...TOKENS, ...PEER_TLS, QUORATE_PEER_TLS: 'optional' },
    'peer',
  ],
])('ports that are open to strangers %s', (_what, env, ports) => {
  expect(open(env)).toBe(ports)
})

test.each([
  ['127.0.0.1:1', ''],
  ['127.8.9.1:1', ''],
  ['localhost:1', ''],
  ['[::1]:1', ''],
  ['[0:0:0:0:0:0:0:1]:1', ''],
  ['[::ffff:127.0.0.1]:1', ''],
  ['[::1%1]:1', ''],
  ['127.0.0.0/8:1', ''],
  ['127.0.0.0/7:1', 'peer'],
  ['10.213.0.0/16:1', 'peer'],
  ['[::]:1', 'peer'],
  ['[fe80::1%1]:1', 'peer'],
  // A name may resolve to any address.
  ['127.example:1', 'peer'],
  ['n1:1', 'peer'],
])('a peer port at %s', (address, ports) => {
  expect(open({ ...HERE, QUORATE_PEER_LISTEN: address })).toBe(ports)
})

test('a node tells of an open peer port in its status and its metrics', async () => {
  const cluster = await startCluster(1, { QUORATE_PEER_LISTEN: '0.0.0.0:0' })
  try {
    const status = JSON.parse((await cluster.request(0, '/v1/cluster')).text) as object
    expect(status).toMatchObject({ openToStrangers: true })
    const { text } = await cluster.request(0, '/metrics')
    expect(text).toMatch(/^quorate_open_to_strangers 1$/m)
  } finally {
    await cluster.stop()
  }
})
