/** The settings of a node: defaults, every syntax, and one clear line for each mistake. */
import { expect, test } from 'vitest'
import { describeSettings } from '../../../src/server/settings/setting-table.ts'
import { parseSettings, type Settings } from '../../../src/server/settings/settings.ts'

const BASE = {
  QUORATE_NODE_ID: 'n1',
  QUORATE_MEMBERS: 'n2=http://n2:7080,n1=http://n1:7080,n3=http://n3:7080',
  QUORATE_DATA_DIR: '/data',
}

function settingsOf(env: Record<string, string>): Settings {
  const parsed = parseSettings({ ...BASE, ...env })
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.settings
}

test('settings: three are enough, the rest has the defaults of the contract', () => {
  expect(settingsOf({})).toEqual({
    nodeId: 'n1',
    members: ['n1', 'n2', 'n3'].map((id) => ({
      id,
      peerUrl: `http://${id}:7080`,
      zone: 'default',
    })),
    join: undefined,
    dataDir: '/data',
    listen: { host: '0.0.0.0', port: 8080 },
    peerListen: { host: '0.0.0.0', port: 7080 },
    durability: 'sync',
    requestTimeoutMs: 2000,
    maxClockDriftMs: 500,
    maxValueBytes: 1_048_576,
    buckets: [],
    cacheBytesMax: 67_108_864,
    hintBytesPerOwnerMax: 268_435_456,
    inflightRequestsMax: 1024,
    requestLimits: { tokenPerSecond: 0, tokenInFlight: 0, strangerPerSecond: 100 },
    maxConnections: undefined,
    drainMs: 0,
    allowedOrigins: undefined,
    allowedHosts: undefined,
    logLevel: 'info',
    chaos: false,
    protocol: 3,
    supervised: false,
  })
})

test('settings: an empty variable counts as absent, and other variables are none of theirs', () => {
  const env = { QUORATE_ZONE: '', QUORATE_JOIN: '', QUORATE_ENDPOINTS: 'http://x', PATH: '/bin' }
  expect(settingsOf(env)).toEqual(settingsOf({}))
})

test('settings: a member may name its zone', () => {
  const env = { QUORATE_MEMBERS: 'n1=http://a:1#east,n2=http://b:2/', QUORATE_ZONE: 'east' }
  expect(settingsOf(env).members).toEqual([
    { id: 'n1', peerUrl: 'http://a:1', zone: 'east' },
    { id: 'n2', peerUrl: 'http://b:2', zone: 'default' },
  ])
})

const JOIN = { QUORATE_NODE_ID: 'n6', QUORATE_MEMBERS: '', QUORATE_JOIN: 'http://n1:7080' }

test('settings: a node that joins has no first members, and is reached by its id and peer port', () => {
  expect(settingsOf({ ...JOIN, QUORATE_PEER_LISTEN: ':7090' })).toMatchObject({
    nodeId: 'n6',
    members: [],
    join: {
      seeds: ['http://n1:7080'],
      peerUrl: 'http://n6:7090',
      zone: 'default',
      replaces: undefined,
    },
  })
})

test('settings: a node that joins may name more seeds, its address, its zone, whom it replaces, and wide buckets', () => {
  const env = {
    QUORATE_JOIN: 'http://n1:7080, http://n2/',
    QUORATE_PEER_URL: 'http://n6.peer:7080/',
    QUORATE_REPLACES: 'n3',
    QUORATE_ZONE: 'east',
    QUORATE_BUCKETS: 'a=lww;n=5',
  }
  expect(settingsOf({ ...JOIN, ...env }).join).toEqual({
    seeds: ['http://n1:7080', 'http://n2:80'],
    peerUrl: 'http://n6.peer:7080',
    zone: 'east',
    replaces: 'n3',
  })
})

test.each([
  ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
  ['[::1]:80', { host: '::1', port: 80 }],
  [':8080', { host: '0.0.0.0', port: 8080 }],
  ['node-1.local:65535', { host: 'node-1.local', port: 65_535 }],
])('settings: listens on %s', (text, address) => {
  expect(settingsOf({ QUORATE_LISTEN: text }).listen).toEqual(address)
})

test('settings: lists of origins and hosts are read in lower case, and * is any host', () => {
  const env = {
    QUORATE_ALLOWED_ORIGINS: 'https://App.example, http://localhost:3000',
    QUORATE_ALLOWED_HOSTS: 'kv.example,*.KV.example',
  }
  expect(settingsOf(env)).toMatchObject({
    allowedOrigins: ['https://app.example', 'http://localhost:3000'],
    allowedHosts: ['kv.example', '*.kv.example'],
  })
  expect(settingsOf({ QUORATE_ALLOWED_HOSTS: 'a,*' }).allowedHosts).toBeUndefined()
})

test('settings: buckets with and without options', () => {
  const text = 'carts=siblings, seen=lww;n=2;consistency=eventual;durability=os;ttl=3600'
  expect(settingsOf({ QUORATE_BUCKETS: text }).buckets).toEqual([
    {
      name: 'carts',
      mode: 'siblings',
      n: undefined,
      consistency: undefined,
      durability: undefined,
      ttlSeconds: undefined,
    },
    {
      name: 'seen',
      mode: 'lww',
      n: 2,
      consistency: 'eventual',
      durability: 'os',
      ttlSeconds: 3600,
    },
  ])
})

test.each([
  [{ QUORATE_NODE_ID: '' }, 'QUORATE_NODE_ID', 'is not set'],
  [{ QUORATE_MEMBERS: '' }, 'QUORATE_MEMBERS', 'is not set'],
  [{ QUORATE_DATA_DIR: '' }, 'QUORATE_DATA_DIR', 'is not set'],
  [{ QUORATE_NODE_ID: 'N_1' }, 'QUORATE_NODE_ID', 'a-z'],
  [{ QUORATE_ALLOWED_ORIGINS: 'app.example' }, 'QUORATE_ALLOWED_ORIGINS', 'https://app.example'],
  [{ QUORATE_ALLOWED_ORIGINS: 'https://a.b/' }, 'QUORATE_ALLOWED_ORIGINS', 'https://app.example'],
  [{ QUORATE_ALLOWED_HOSTS: 'kv.example:80' }, 'QUORATE_ALLOWED_HOSTS', 'without a port'],
  [{ QUORATE_NODE_ID: 'n9' }, 'QUORATE_NODE_ID', 'n1, n2, n3'],
  [{ QUORATE_MEMBERS: 'n1=n1:7080' }, 'QUORATE_MEMBERS', 'http://host:port'],
  [{ QUORATE_MEMBERS: 'n1=https://n1:7080' }, 'QUORATE_MEMBERS', 'http://host:port'],
  [{ QUORATE_MEMBERS: 'n1=http://n1:7080/path' }, 'QUORATE_MEMBERS', 'http://host:port'],
  [{ QUORATE_MEMBERS: 'n1=http://n1:7080#' }, 'QUORATE_MEMBERS', 'http://host:port'],
  [{ QUORATE_MEMBERS: 'n1=http://n1:7080,n1=http://n2:7080' }, 'QUORATE_MEMBERS', 'listed twice'],
  [{ QUORATE_MEMBERS: 'n1=http://n1:7080,n2=http://n1:7080' }, 'QUORATE_MEMBERS', 'listed twice'],
  [{ QUORATE_MEMBERS: 'n1=http://n1:7080,' }, 'QUORATE_MEMBERS', 'http://host:port'],
  [{ QUORATE_ZONE: 'east' }, 'QUORATE_ZONE', 'n1=http://n1:7080#east'],
  [{ QUORATE_LISTEN: '8080' }, 'QUORATE_LISTEN', 'host:port'],
  [{ QUORATE_LISTEN: 'a:70000' }, 'QUORATE_LISTEN', 'host:port'],
  [{ QUORATE_PEER_LISTEN: '::1:7080' }, 'QUORATE_PEER_LISTEN', '[::]:8080'],
  [{ QUORATE_DURABILITY: 'fsync' }, 'QUORATE_DURABILITY', 'sync, os'],
  [{ QUORATE_REQUEST_TIMEOUT_MS: '2s' }, 'QUORATE_REQUEST_TIMEOUT_MS', 'from 1 to 60000'],
  [{ QUORATE_MAX_CLOCK_DRIFT_MS: '-5' }, 'QUORATE_MAX_CLOCK_DRIFT_MS', 'whole number'],
  [{ QUORATE_MAX_VALUE_BYTES: '0' }, 'QUORATE_MAX_VALUE_BYTES', 'whole number'],
  [{ QUORATE_LOG_LEVEL: 'verbose' }, 'QUORATE_LOG_LEVEL', 'debug'],
  [{ QUORATE_CHAOS: 'yes' }, 'QUORATE_CHAOS', '0, 1'],
  [{ QUORATE_BUCKETS: 'carts' }, 'QUORATE_BUCKETS', 'siblings, lww, strong, counter, set'],
  [{ QUORATE_BUCKETS: 'a=strong;consistency=weak' }, 'QUORATE_BUCKETS', 'no ;consistency='],
  [{ QUORATE_BUCKETS: 'a=counter;ttl=5' }, 'QUORATE_BUCKETS', 'no ;ttl='],
  [{ QUORATE_BUCKETS: 'Carts=lww' }, 'QUORATE_BUCKETS', 'a-z'],
  [{ QUORATE_BUCKETS: 'a=lww;n=4' }, 'QUORATE_BUCKETS', '3 members'],
  [{ QUORATE_BUCKETS: 'a=lww;copies=2' }, 'QUORATE_BUCKETS', 'consistency'],
  [{ QUORATE_BUCKETS: 'a=lww;n=1;n=2' }, 'QUORATE_BUCKETS', 'once'],
  [{ QUORATE_BUCKETS: 'a=lww,a=lww' }, 'QUORATE_BUCKETS', 'listed twice'],
  [{ QUORATE_MEMBERS: '' }, 'QUORATE_MEMBERS', 'or QUORATE_JOIN'],
  [{ QUORATE_JOIN: 'http://n1:7080' }, 'QUORATE_JOIN', 'QUORATE_MEMBERS are both set'],
  [{ ...JOIN, QUORATE_JOIN: 'n1:7080' }, 'QUORATE_JOIN', 'http://host:port'],
  [{ ...JOIN, QUORATE_JOIN: 'http://n1:1,http://n1:1/' }, 'QUORATE_JOIN', 'listed twice'],
  [{ ...JOIN, QUORATE_PEER_URL: 'n6' }, 'QUORATE_PEER_URL', 'http://host:port'],
  [{ ...JOIN, QUORATE_PEER_LISTEN: ':0' }, 'QUORATE_PEER_URL', 'leaves open'],
  [{ ...JOIN, QUORATE_REPLACES: 'n6' }, 'QUORATE_REPLACES', 'an id of its own'],
  [{ ...JOIN, QUORATE_REPLACES: 'N3' }, 'QUORATE_REPLACES', 'a-z'],
  [{ QUORATE_PEER_URL: 'http://n1:7080' }, 'QUORATE_PEER_URL', 'goes with QUORATE_JOIN'],
  [{ QUORATE_REPLACES: 'n3' }, 'QUORATE_REPLACES', 'goes with QUORATE_JOIN'],
  [{ QUORATE_DURABLITY: 'sync' }, 'QUORATE_DURABLITY', 'is QUORATE_DURABILITY meant?'],
  [{ QUORATE_DURABILTIY: 'sync' }, 'QUORATE_DURABILTIY', 'is QUORATE_DURABILITY meant?'],
  [{ QUORATE_durability: 'sync' }, 'QUORATE_durability', 'is QUORATE_DURABILITY meant?'],
  [{ QUORATE_LOGLEVEL: 'warn' }, 'QUORATE_LOGLEVEL', 'is QUORATE_LOG_LEVEL meant?'],
  [{ QUORATE_DATADIR: '/x' }, 'QUORATE_DATADIR', 'is QUORATE_DATA_DIR meant?'],
  [{ QUORATE_MEMBER: '' }, 'QUORATE_MEMBER', 'is QUORATE_MEMBERS meant?'],
  [{ QUORATE_JION: '' }, 'QUORATE_JION', 'is QUORATE_JOIN meant?'],
  [{ QUORATE_AUHT: 'on' }, 'QUORATE_AUHT', 'is QUORATE_AUTH meant?'],
  [{ QUORATE_AUTH: 'yes' }, 'QUORATE_AUTH', 'one of on, off'],
  [{ QUORATE_AUTH: 'on' }, 'QUORATE_AUTH', 'needs QUORATE_ROOT_TOKEN_FILE'],
  [{ QUORATE_ROOT_TOKEN_FILE: '/x' }, 'QUORATE_ROOT_TOKEN_FILE', 'QUORATE_AUTH is not on'],
  [
    { QUORATE_TOKEN_REQUESTS_PER_SECOND: '9' },
    'QUORATE_TOKEN_REQUESTS_PER_SECOND',
    'QUORATE_AUTH=on',
  ],
  [{ QUORATE_TOKEN_INFLIGHT_REQUESTS: '9' }, 'QUORATE_TOKEN_INFLIGHT_REQUESTS', 'QUORATE_AUTH=on'],
  [{ QUORATE_TOKEN_REQUESTS_PER_SECOND: '-1' }, 'QUORATE_TOKEN_REQUESTS_PER_SECOND', '0'],
])('settings: refuses %j in one line', (env, name, words) => {
  const parsed = parseSettings({ ...BASE, ...env })
  expect(parsed.ok).toBe(false)
  const problem = parsed.ok ? '' : parsed.problem
  expect(problem).toContain(name)
  expect(problem).toContain(words)
  expect(problem).not.toContain('\n')
})

test.each(['TLS_CIPHERS', 'PEER_TLS_CIPHERS'])(
  'settings: refuses the protection %s, which this version does not have',
  (name) => {
    const parsed = parseSettings({ ...BASE, [`QUORATE_${name}`]: 'x' })
    expect(parsed).toEqual({
      ok: false,
      problem: `QUORATE_${name} is set, but this version does not support it: the node would run without that protection; unset it`,
    })
  },
)

const CLIENT_TLS = { QUORATE_TLS_CERT: 'c.pem', QUORATE_TLS_KEY: 'c.key' }
const PEER_TLS = {
  QUORATE_PEER_TLS_CERT: 'p.pem',
  QUORATE_PEER_TLS_KEY: 'p.key',
  QUORATE_PEER_TLS_CA: 'ca.pem',
}

test('settings: the files of TLS, for each port', () => {
  expect(settingsOf(CLIENT_TLS)).toMatchObject({
    clientTls: { cert: 'c.pem', key: 'c.key', ca: undefined },
    peerTls: undefined,
  })
  expect(settingsOf({ ...CLIENT_TLS, QUORATE_TLS_CLIENT_CA: 'ca.pem' }).clientTls?.ca).toBe(
    'ca.pem',
  )
  const peerTls = { cert: 'p.pem', key: 'p.key', ca: 'ca.pem' }
  expect(settingsOf(PEER_TLS).peerTls).toEqual({ ...peerTls, isRequired: true })
  expect(settingsOf({ ...PEER_TLS, QUORATE_PEER_TLS: 'optional' }).peerTls).toEqual({
    ...peerTls,
    isRequired: false,
  })
})

test.each([
  [{ QUORATE_TLS_CERT: 'c' }, 'QUORATE_TLS_CERT is set, and needs QUORATE_TLS_KEY'],
  [{ QUORATE_TLS_KEY: 'k' }, 'QUORATE_TLS_KEY is set, and needs QUORATE_TLS_CERT'],
  [
    { QUORATE_TLS_CLIENT_CA: 'a' },
    'QUORATE_TLS_CLIENT_CA is set, and needs QUORATE_TLS_CERT and QUORATE_TLS_KEY',
  ],
  [
    { ...PEER_TLS, QUORATE_PEER_TLS_CA: '' },
    'QUORATE_PEER_TLS_CERT is set, and needs QUORATE_PEER_TLS_CA',
  ],
  [{ QUORATE_PEER_TLS: 'required' }, 'QUORATE_PEER_TLS is set, and needs QUORATE_PEER_TLS_CERT'],
  [{ ...PEER_TLS, QUORATE_PEER_TLS: 'off' }, 'must be one of required, optional'],
])('settings: TLS without a part of it is refused: %j', (env, problem) => {
  const parsed = parseSettings({ ...BASE, ...env })
  expect(parsed).toMatchObject({ ok: false, problem: expect.stringContaining(problem) })
})

test('settings: variables that others have set are ignored, and named where nobody knows them', () => {
  const links = {
    QUORATE_PORT: 'tcp://10.0.0.1:8080',
    QUORATE_SERVICE_HOST: '10.0.0.1',
    QUORATE_SERVICE_PORT_CLIENTS: '8080',
    QUORATE_PORT_8080_TCP_ADDR: '10.0.0.1',
    QUORATE_PEER_PORT: 'tcp://10.0.0.2:7080',
    QUORATE_TLS_SERVICE_HOST: '10.0.0.1',
    QUORATE_TLS_PORT_8443_TCP: 'tcp://10.0.0.1:8443',
    QUORATE_REPLICAS: '5',
    QUORATE_USER_URL: 'http://x',
    QUORATE_ONE: '1',
  }
  const own = {
    QUORATE_ENDPOINTS: 'http://x',
    QUORATE_CA: 'ca.pem',
    QUORATE_CERT: 'client.pem',
    QUORATE_KEY: 'client.key',
    QUORATE_TEST_BROWSER: '/usr/bin/chromium',
    QUORATE_PEER_RANGE: '10.99',
    QUORATE_N1_PORT: '9001',
    QUORATE_NODE_IP: '10.0.0.1',
    QUORATE_AUTH: '',
    QUORATE_TOKEN: 'x',
  }
  expect(parseSettings({ ...BASE, ...links, ...own })).toEqual({
    ok: true,
    settings: settingsOf({}),
    ignored: Object.keys(links),
  })
})

test('settings: the help lists every setting that is read, with its default', () => {
  const help = describeSettings()
  for (const name of [
    'NODE_ID',
    'MEMBERS',
    'JOIN',
    'PEER_URL',
    'REPLACES',
    'DATA_DIR',
    'LISTEN',
    'PEER_LISTEN',
    'ZONE',
    'DURABILITY',
    'REQUEST_TIMEOUT_MS',
    'MAX_CLOCK_DRIFT_MS',
    'MAX_VALUE_BYTES',
    'BUCKETS',
    'CACHE_BYTES',
    'HINT_BYTES',
    'INFLIGHT_REQUESTS',
    'LOG_LEVEL',
    'CHAOS',
    'SUPERVISED',
  ]) {
    expect(help).toContain(`QUORATE_${name} `)
  }
  expect(help).toMatch(/QUORATE_REQUEST_TIMEOUT_MS +2000 +milliseconds/)
})
