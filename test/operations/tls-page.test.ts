/** The commands and files of docker/tls.md work. What needs openssl is skipped where it is not installed. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ownFault } from '../../src/adapters/tls/own-certificate.ts'
import { parseSettings } from '../../src/server/settings/settings.ts'
import { materialIn } from '../certificates/made-files.ts'
import { blocksOf } from '../tidy/documents.ts'
import { PROJECT_ROOT, readFiles } from '../tidy/project-files.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const [page] = readFiles('docker/tls.md')
const [commands, compose, check] = blocksOf(page ?? { path: '', text: '' }).filter(
  ({ language }) => language === 'sh',
)

test.skipIf(!hasOpenssl)('the commands make a CA and a certificate for each node', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-openssl-'))
  try {
    const { status, stderr } = spawnSync('sh', ['-euc', commands?.text ?? 'false'], { cwd: folder })
    expect(status, String(stderr)).toBe(0)
    for (const node of ['n1', 'n2', 'n3']) {
      const names = [`${node}.pem`, `${node}.key`, 'ca.pem'] as const
      const { files, material } = materialIn(folder, names, node)
      expect(await ownFault(material, files)).toBe(undefined)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

describe('docker/tls/compose.yml', () => {
  interface Override {
    readonly environment: Readonly<Record<string, string>>
    readonly volumes: readonly string[]
  }
  const readServices = (path: string): Record<string, Override> => {
    const [file] = readFiles(path)
    const text = (file?.text ?? '').replaceAll(
      /\$\{\w+:-([^}]*)\}/g,
      (_, otherwise: string) => otherwise,
    )
    return (parse(text, { merge: true }) as { services: Record<string, Override> }).services
  }
  const nodes = Object.entries(readServices('docker-compose.yml')).filter(([id]) =>
    /^n\d$/.test(id),
  )
  const overrides = readServices('docker/tls/compose.yml')

  test('every node takes the settings, and finds its files', () => {
    expect(Object.keys(overrides)).toEqual([...nodes.map(([id]) => id), 'prometheus'])
    for (const [id, { environment }] of nodes) {
      const env = { ...environment, ...overrides[id]?.environment, QUORATE_DATA_DIR: '/data' }
      const read = parseSettings(env)
      if (!read.ok) throw new Error(read.problem)
      expect(read.ignored).toEqual([])
      expect(read.settings).toMatchObject({
        clientTls: { cert: '/tls/server.pem', ca: undefined },
        peerTls: { cert: '/tls/peer.pem', isRequired: true },
        rootTokenFile: '/tls/root-token',
      })
      expect(overrides[id]?.volumes).toEqual([`./.quorate/tls/${id}:/tls:ro`])
    }
  })

  test('Prometheus asks by HTTPS with a token, in the place of its other file', () => {
    const [, own] = readServices('docker-compose.yml')['prometheus']?.volumes ?? []
    expect(own).toMatch(/:\/etc\/prometheus\/rules.yml:ro$/)
    expect(overrides['prometheus']?.volumes).toEqual([
      './docker/observability/prometheus-tls.yml:/etc/prometheus/prometheus.yml:ro',
      './.quorate/tls/prometheus/tls:/tls:ro',
    ])
  })

  test.skipIf(!hasOpenssl)('the commands of the page work in their order', () => {
    const folder = mkdtempSync(join(tmpdir(), 'quorate-page-'))
    try {
      cpSync(join(PROJECT_ROOT, 'docker/tls'), join(folder, 'docker/tls'), { recursive: true })
      // The containers and their answers: shell functions that check what they would read.
      const stubs = `
        docker() { grep -qx COMPOSE_FILE=docker-compose.yml:docker/tls/compose.yml .env; }
        curl() { test -r "$2" && test "$4" = "Authorization: Bearer $(cat .quorate/tls/client/root-token)"; }
        npm() { test -r "$NODE_EXTRA_CA_CERTS" && while [ "$1" != --token-file ]; do shift; done && test -r "$2"; }
      `
      // One node, because each takes a second of CPU.
      const first = compose?.text.replace(' n2 n3 n4 n5 n6 n7', '')
      const text = [stubs, first, check?.text].join('\n')
      const { status, stderr } = spawnSync('sh', ['-euc', text], { cwd: folder })
      expect(status, String(stderr)).toBe(0)
      const watched = parse(readFiles('docker/observability/prometheus-tls.yml')[0]?.text ?? '')
      const named = JSON.stringify(watched).match(/\/tls\/[\w.-]+/g) ?? []
      expect(named).toHaveLength(4)
      const given = readdirSync(join(folder, '.quorate/tls/prometheus/tls'))
      expect(named.map((path) => path.slice('/tls/'.length)).sort()).toEqual(given.sort())
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test.skipIf(!hasOpenssl)('a run that fails says why, and leaves the files as they are', () => {
    const folder = mkdtempSync(join(tmpdir(), 'quorate-certificates-'))
    const script = join(PROJECT_ROOT, 'docker/tls/certificates.sh')
    try {
      spawnSync('sh', [script, folder, 'n1'])
      const client = readFileSync(join(folder, 'client/client.pem'), 'utf8')
      writeFileSync(join(folder, 'ca/client-ca.key'), 'no key')
      const { status, stderr } = spawnSync('sh', [script, folder, 'n1'])
      expect(status).toBe(1)
      expect(String(stderr)).toMatch(/private key|client-ca\.key/)
      expect(readFileSync(join(folder, 'client/client.pem'), 'utf8')).toBe(client)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test.skipIf(!hasOpenssl)('the script makes these files, and renews them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'quorate-certificates-'))
    const script = join(PROJECT_ROOT, 'docker/tls/certificates.sh')
    const run = (...nodeIds: string[]): void => {
      const { status, stderr } = spawnSync('sh', [script, folder, ...nodeIds])
      expect(status, String(stderr)).toBe(0)
    }
    try {
      run('n1', 'n2')
      const before = readFileSync(join(folder, 'n1', 'peer.pem'), 'utf8')
      run('n1')
      expect(readFileSync(join(folder, 'n1', 'peer.pem'), 'utf8')).not.toBe(before)
      const named = Object.values(overrides['n1']?.environment ?? {})
        .filter((value) => value.startsWith('/tls/'))
        .map((path) => path.slice('/tls/'.length))
      for (const node of ['n1', 'n2']) {
        const own = join(folder, node)
        expect(readdirSync(own)).toEqual(expect.arrayContaining(named))
        const peers = materialIn(own, ['peer.pem', 'peer.key', 'peer-ca.pem'], node)
        expect(await ownFault(peers.material, peers.files)).toBe(undefined)
        materialIn(own, ['server.pem', 'server.key', 'client-ca.pem'], 'localhost')
        expect(readdirSync(own).filter((name) => name.includes('ca.key'))).toEqual([])
      }
      expect(spawnSync('sh', [script, folder]).status).toBe(2)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
