/** TLS and tokens on Kubernetes: the component of kustomize and the values of the chart make the same, valid objects. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ownFault } from '../../src/adapters/tls/own-certificate.ts'
import { parseSettings } from '../../src/server/settings/settings.ts'
import { materialIn } from '../certificates/made-files.ts'
import { blocksOf } from '../tidy/documents.ts'
import { PROJECT_ROOT, readFiles } from '../tidy/project-files.ts'
import { renderChart } from './helm-template.ts'
import {
  type EnvironmentVariable,
  find,
  KUBERNETES,
  patched,
  readResources,
  readText,
  schemaFaults,
  type StatefulSetSpec,
  withoutEmpty,
} from './kubernetes-objects.ts'
import { builtBy, kubectl } from './kustomize.ts'

interface SecuredContainer {
  readonly env: readonly EnvironmentVariable[]
  readonly volumeMounts: readonly { name: string; mountPath: string; readOnly?: boolean }[]
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
}

interface Probe {
  readonly httpGet: { readonly scheme: string; readonly port: string; readonly path: string }
}

interface SecuredPod {
  readonly containers: readonly [SecuredContainer]
  readonly volumes: readonly { readonly name: string; readonly secret: { secretName: string } }[]
}

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const nodes = find(readResources(`${KUBERNETES}/base`), 'StatefulSet', 'quorate')
const secured = patched(nodes, parse(readText(`${KUBERNETES}/tls/stateful-set.yaml`)))
const { template } = secured.spec as unknown as StatefulSetSpec
const pod = template.spec as unknown as SecuredPod
const [container] = pod.containers

test('the objects fit the schemas', () => {
  expect(schemaFaults(secured)).toEqual([])
})

test('a node takes the settings', () => {
  const read = parseSettings({
    ...Object.fromEntries(container.env.map(({ name, value = '' }) => [name, value])),
    QUORATE_NODE_ID: 'quorate-0',
    QUORATE_MEMBERS: 'quorate-0=http://quorate-0.quorate-peers:7080',
    QUORATE_DATA_DIR: '/data',
  })
  if (!read.ok) throw new Error(read.problem)
  expect(read.settings).toMatchObject({
    clientTls: { cert: '/tls/client/tls.crt', key: '/tls/client/tls.key', ca: undefined },
    peerTls: { ca: '/tls/peer/ca.crt', isRequired: true },
    rootTokenFile: '/tls/root/token',
  })
})

test('every file of a setting is mounted from a secret', () => {
  const files = container.env.filter(({ value }) => value?.startsWith('/'))
  expect(files).toHaveLength(6)
  for (const { value } of files) {
    const mount = container.volumeMounts.find(({ mountPath }) => value?.startsWith(`${mountPath}/`))
    const volume = pod.volumes.find(({ name }) => name === mount?.name)
    expect(volume?.secret.secretName, value).toMatch(/^quorate-/)
    expect(mount?.readOnly).toBe(true)
  }
})

test('probes use HTTPS, and ask paths that need no client certificate', () => {
  const { startupProbe, livenessProbe, readinessProbe } = container
  const asked = [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet)
  expect(asked).toEqual(
    ['/livez', '/livez', '/readyz?scope=node'].map((path) => ({
      path,
      port: 'client',
      scheme: 'HTTPS',
    })),
  )
})

test('the page makes every secret', () => {
  const page = readText(`${KUBERNETES}/tls/README.md`)
  for (const { secret } of pod.volumes) {
    expect(page).toContain(`create secret generic ${secret.secretName}`)
  }
})

test.skipIf(!hasOpenssl)('the commands of the page make the files of the secrets', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-openssl-'))
  const [page] = readFiles(`${KUBERNETES}/tls/README.md`)
  const [commands] = blocksOf(page ?? { path: '', text: '' }).filter(
    ({ language }) => language === 'sh',
  )
  try {
    const { status, stderr } = spawnSync('sh', ['-euc', commands?.text ?? 'false'], { cwd: folder })
    expect(status, String(stderr)).toBe(0)
    const { files, material } = materialIn(
      folder,
      ['peer.pem', 'peer.key', 'peer-ca.pem'],
      'quorate-6',
    )
    expect(await ownFault(material, files)).toBe(undefined)
    materialIn(folder, ['client.pem', 'client.key', 'client-ca.pem'], 'quorate.quorate.svc')
    expect(readFileSync(join(folder, 'token'), 'utf8')).toHaveLength(65)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('the chart makes the same', () => {
  const given = renderChart(parse(readText(`${KUBERNETES}/chart/values-tls.yaml`)) as object)
  expect(given.flatMap(schemaFaults)).toEqual([])
  expect(withoutEmpty(find(given, 'StatefulSet', 'quorate'))).toEqual(withoutEmpty(secured))
})

describe.skipIf(kubectl === undefined)('kustomize', () => {
  test('the first update of a running cluster switches on TLS between the nodes only', () => {
    const [page] = readFiles(`${KUBERNETES}/tls/README.md`)
    const patch = blocksOf(page ?? { path: '', text: '' }).find(({ text }) =>
      text.startsWith('patches:'),
    )
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'quorate-kustomize-')))
    const at = (part: string): string => relative(folder, join(PROJECT_ROOT, KUBERNETES, part))
    const lines = [`resources: [${at('base')}]`, `components: [${at('tls')}]`, patch?.text]
    try {
      writeFileSync(join(folder, 'kustomization.yaml'), lines.join('\n'))
      const { spec } = find(builtBy(folder), 'StatefulSet', 'quorate')
      const [first] = ((spec as unknown as StatefulSetSpec).template.spec as unknown as SecuredPod)
        .containers
      const read = parseSettings({
        ...Object.fromEntries(first.env.map(({ name, value = '' }) => [name, value])),
        QUORATE_NODE_ID: 'quorate-0',
        QUORATE_MEMBERS: 'quorate-0=http://quorate-0.quorate-peers:7080',
        QUORATE_DATA_DIR: '/data',
      })
      if (!read.ok) throw new Error(read.problem)
      expect(read.settings).toMatchObject({
        clientTls: undefined,
        peerTls: { ca: '/tls/peer/ca.crt', isRequired: false },
        rootTokenFile: undefined,
      })
      const probes = [first.startupProbe, first.livenessProbe, first.readinessProbe]
      expect(probes.map(({ httpGet }) => httpGet.scheme)).toEqual(['HTTP', 'HTTP', 'HTTP'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test.each([
    ['base', 1],
    ['zones', 3],
  ])('adds TLS to %s', (name, sets) => {
    // kustomize follows relative paths only.
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'quorate-kustomize-')))
    const at = (part: string): string => relative(folder, join(PROJECT_ROOT, KUBERNETES, part))
    const lines = [`kind: Kustomization`, `resources: [${at(name)}]`, `components: [${at('tls')}]`]
    try {
      writeFileSync(join(folder, 'kustomization.yaml'), `${lines.join('\n')}\n`)
      const made = builtBy(folder)
      expect(made.flatMap(schemaFaults)).toEqual([])
      const found = made.filter(({ kind }) => kind === 'StatefulSet')
      expect(found).toHaveLength(sets)
      for (const { spec } of found) {
        const { containers, volumes } = (spec as unknown as StatefulSetSpec).template
          .spec as unknown as SecuredPod
        expect(containers[0].readinessProbe).toEqual(container.readinessProbe)
        expect(volumes).toEqual(pod.volumes)
      }
      if (name === 'base') expect(withoutOrder(found[0])).toEqual(withoutOrder(secured))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

/** kustomize may put added members of a list first. */
function withoutOrder(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withoutOrder).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(
    ([name, member]) => [name, withoutOrder(member)] as const,
  )
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)))
}
