/** Who reaches a cluster that is started as the README says: this machine alone. And what becomes of nodes that end. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { planAddresses } from '../../src/local-cluster/address-plan.ts'
import { environmentOf } from '../../src/local-cluster/node-environment.ts'

const compose = readFileSync('docker-compose.yml', 'utf8')

test('containers publish on the loopback address only', () => {
  const published = [...compose.matchAll(/^ *ports: (.+)$/gm)].map(([, ports]) => ports)
  expect(published).toEqual([
    ...[1, 2, 3, 4, 5, 6, 7].map((i) => `['127.0.0.1:\${QUORATE_N${i}_PORT:-${8000 + i}}:8080']`),
    "['127.0.0.1:${QUORATE_PROMETHEUS_PORT:-9090}:9090']",
    "['127.0.0.1:${QUORATE_GRAFANA_PORT:-3000}:3000']",
  ])
})

test('processes of npm start listen on the loopback address only, for clients and for peers', async () => {
  const [address] = await planAddresses(1, 8001)
  if (address === undefined) throw new Error('no address')
  const node = { ...address, first: true, joined: false }
  const env = environmentOf(node, { nodes: [node], left: [] }, { dataDir: '/data', env: {} })
  expect([env['QUORATE_LISTEN'], env['QUORATE_PEER_LISTEN']]).toEqual([
    '127.0.0.1:8001',
    '127.0.0.1:9001',
  ])
})

test('containers come back when they end by themselves, and open no debugger port', () => {
  expect(compose).toMatch(/^x-node: &node\n(?: .*\n)* {2}restart: unless-stopped\n/m)
  const [, command = ''] =
    /^CMD (\["node".+)$/m.exec(readFileSync('docker/Dockerfile', 'utf8')) ?? []
  expect(JSON.parse(command)).toContain('--disable-sigusr1')
})
