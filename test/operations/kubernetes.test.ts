/** The files under docker/kubernetes: they fit the published schemas, each other, and the settings of a node. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseSettings, type Settings } from '../../src/server/settings/settings.ts'
import { PROJECT_ROOT } from '../tidy/project-files.ts'
import { renderChart, renderTemplate } from './helm-template.ts'
import { builtBy, kubectl } from './kustomize.ts'
import {
  type EnvironmentVariable,
  find,
  type KubernetesObject,
  KUBERNETES,
  readKustomization,
  readResources,
  readText,
  schemaFaults,
  type StatefulSetSpec,
  withoutEmpty,
} from './kubernetes-objects.ts'

const BASE = `${KUBERNETES}/base`
const ZONES = ['a', 'b', 'c']

const base = readResources(BASE)
const nodes = find(base, 'StatefulSet', 'quorate')
const { serviceName, template } = nodes.spec as unknown as StatefulSetSpec
const pod = template.spec
const [container] = pod.containers

describe('schemas', () => {
  test.each(base.map((object) => [object.kind, object.metadata.name, object] as const))(
    '%s %s fits',
    (_kind, _name, object) => {
      expect(schemaFaults(object)).toEqual([])
    },
  )

  // What is told, and a text of the object with the text that spoils it.
  test.each([
    ['/spec/minReadySecond: unknown', '"minReadySeconds":', '"minReadySecond":'],
    ['/spec/replicas', '"replicas":5', '"replicas":"five"'],
    ['serviceName', '"serviceName":"quorate-peers"', '"serviceName":5'],
    ['selector', '"selector":', '"selectors":'],
    ['containers/0/readinesProbe: unknown', '"readinessProbe":', '"readinesProbe":'],
    ['httpGet/path', '"path":"/livez"', '"path":1'],
  ])('a fault is told: %s', (told, right, wrong) => {
    const text = JSON.stringify(nodes)
    expect(text).toContain(right)
    const spoiled = JSON.parse(text.replace(right, wrong)) as KubernetesObject
    expect(schemaFaults(spoiled).join('\n')).toContain(told)
  })

  test('another kind or version is told', () => {
    expect(schemaFaults({ ...nodes, apiVersion: 'apps/v2' })).toHaveLength(1)
  })
})

describe('the objects fit each other', () => {
  test('every selector finds the pods', () => {
    const labels = template.metadata.labels
    for (const { kind, spec } of base) {
      const given = (spec['selector'] ?? spec['podSelector']) as Record<string, unknown>
      expect(kind === 'Service' ? given : given['matchLabels'], kind).toEqual(labels)
    }
  })

  test('nodes find each other before they are ready', () => {
    expect(find(base, 'Service', serviceName).spec).toMatchObject({
      clusterIP: 'None',
      publishNotReadyAddresses: true,
    })
    expect(nodes.spec).toMatchObject({ podManagementPolicy: 'Parallel' })
  })

  test('ports have names that exist', () => {
    const names = container.ports.map(({ name }) => name)
    const services = base.filter(({ kind }) => kind === 'Service')
    const ports = services.flatMap(({ spec }) => spec['ports'] as { targetPort: string }[])
    expect(ports.length).toBe(3)
    expect(ports.filter(({ targetPort }) => !names.includes(targetPort))).toEqual([])
    const { ingress } = find(base, 'NetworkPolicy', 'quorate').spec as {
      ingress: readonly { ports: readonly { port: string }[] }[]
    }
    expect(ingress.flatMap(({ ports: open }) => open.map(({ port }) => port))).toEqual([
      'peer',
      'client',
    ])
  })

  test('maintenance takes one node at a time', () => {
    expect(find(base, 'PodDisruptionBudget', 'quorate').spec).toMatchObject({ maxUnavailable: 1 })
  })

  test('a node has few rights', () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  })

  test('a node that kills itself is not process 1, and no variable looks like a setting', () => {
    expect(pod).toMatchObject({ shareProcessNamespace: true, enableServiceLinks: false })
  })

  test('probes ask the paths for them', () => {
    expect(container).toMatchObject({
      startupProbe: { httpGet: { path: '/livez', port: 'client' } },
      livenessProbe: { httpGet: { path: '/livez', port: 'client' } },
      readinessProbe: { httpGet: { path: '/readyz?scope=node', port: 'client' } },
    })
  })
})

describe('the start of a node', () => {
  let folder: string

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'quorate-kubernetes-'))
    // Stands for Node.js: it tells its arguments and the settings that it would start with.
    writeFileSync(join(folder, 'node'), '#!/bin/sh\necho "$@"\nenv\n')
    chmodSync(join(folder, 'node'), 0o755)
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** As the kubelet starts the container of that pod. */
  function start(podName: string, changes: readonly EnvironmentVariable[] = []) {
    const given = new Map(
      [...container.env, ...changes].map(({ name, value = '' }) => [name, value]),
    )
    const env = { ...Object.fromEntries(given), QUORATE_NODE_ID: podName }
    const [program = '', ...flags] = container.command
    const output = execFileSync(program, [...flags, ...container.args], {
      env: { ...env, PATH: `${folder}${delimiter}${process.env['PATH']}` },
      encoding: 'utf8',
    })
    const [command = '', ...lines] = output.trimEnd().split('\n')
    const settings = lines
      .filter((line) => line.startsWith('QUORATE_'))
      .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string])
    return {
      command,
      settings: parsed({ ...Object.fromEntries(settings), QUORATE_DATA_DIR: '/data' }),
    }
  }

  function parsed(env: Readonly<Record<string, string>>): Settings {
    const read = parseSettings(env)
    if (!read.ok) throw new Error(read.problem)
    expect(read.ignored).toEqual([])
    return read.settings
  }

  test('is the command of the image', () => {
    const [, command = ''] = /^CMD (\[.*\])$/m.exec(readText('docker/Dockerfile')) ?? []
    expect(`node ${start('quorate-0').command}`).toBe((JSON.parse(command) as string[]).join(' '))
  })

  test.each([0, 1, 2])('quorate-%i founds the cluster', (ordinal) => {
    const { settings } = start(`quorate-${ordinal}`)
    expect(settings).toMatchObject({ nodeId: `quorate-${ordinal}`, join: undefined })
    expect(settings.members).toEqual(
      [0, 1, 2].map((i) => ({
        id: `quorate-${i}`,
        peerUrl: `http://quorate-${i}.quorate-peers:7080`,
        zone: 'default',
      })),
    )
  })

  test.each([3, 10])('quorate-%i joins it', (ordinal) => {
    expect(start(`quorate-${ordinal}`).settings.join).toMatchObject({
      seeds: [0, 1, 2].map((i) => `http://quorate-${i}.quorate-peers:7080`),
      peerUrl: `http://quorate-${ordinal}.quorate-peers:7080`,
      zone: 'default',
    })
  })

  test.each(ZONES)('a node of the zone %s knows its zone', (zone) => {
    const [{ patch } = { patch: '' }] =
      readKustomization(`${KUBERNETES}/zones/${zone}`).patches ?? []
    const { spec } = parse(patch) as { spec: StatefulSetSpec }
    const { env } = spec.template.spec.containers[0]
    expect(spec.template.spec['nodeSelector']).toEqual({ 'topology.kubernetes.io/zone': zone })
    const { settings: first } = start(`quorate-${zone}-0`, env)
    expect(first.members.map((member) => `${member.id} ${member.zone}`)).toEqual(
      ZONES.map((each) => `quorate-${each}-0 ${each}`),
    )
    expect(start(`quorate-${zone}-1`, env).settings.join).toMatchObject({
      peerUrl: `http://quorate-${zone}-1.quorate-peers:7080`,
      zone,
    })
  })
})

describe('the chart', () => {
  test('gives further settings to each node', () => {
    const setting = { name: 'OTEL_SERVICE_NAME', value: 'carts' }
    expect(JSON.stringify(renderChart())).not.toContain('OTEL_')
    expect(JSON.stringify(renderChart({ extraEnv: [setting] }))).toContain(JSON.stringify(setting))
  })

  test('gives the same objects as kustomize', () => {
    const given = renderChart()
    expect(given.length).toBe(base.length)
    for (const object of base) {
      expect(withoutEmpty(find(given, object.kind, object.metadata.name))).toEqual(
        withoutEmpty(object),
      )
    }
  })

  test('fits the schemas, whatever its values are', () => {
    const changed = {
      name: 'kv',
      replicas: 7,
      firstNodes: 'kv-0 kv-1 kv-2',
      image: 'registry.example:5000/quorate@sha256:0123',
      imagePullSecrets: [{ name: 'pull' }],
      storageClassName: 'fast',
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ key: 'kv', operator: 'Exists' }],
    }
    const given = renderChart(changed)
    expect(given.flatMap(schemaFaults)).toEqual([])
    expect(JSON.stringify(given)).not.toMatch(/quorate-(peers|0)/)
    expect(find(given, 'StatefulSet', 'kv').spec).toMatchObject({
      replicas: 7,
      serviceName: 'kv-peers',
    })
  })

  test('has a version, the one of the program', () => {
    const chart = parse(readText(`${KUBERNETES}/chart/Chart.yaml`)) as Record<string, string>
    const { version } = JSON.parse(readText('package.json')) as { version: string }
    expect(chart).toMatchObject({ apiVersion: 'v2', name: 'quorate', version, appVersion: version })
    expect(container.image).toBe(`quorate:${version}`)
  })

  test.each([
    '{{ if .Values.a }}',
    '{{ .Values.none }}',
    '{{ .Release.Name }}',
    '{{ .Values.list }}',
  ])('%s would be refused', (action) => {
    expect(() => renderTemplate(action, { list: [] })).toThrow(action)
  })
})

if (kubectl === undefined)
  console.warn('kubectl is not installed: what kustomize makes stays unseen')

describe.skipIf(kubectl === undefined)('kustomize', () => {
  test('leaves the base as it is', () => {
    const made = builtBy(join(PROJECT_ROOT, KUBERNETES, 'base'))
    expect(made.length).toBe(base.length)
    for (const object of base) expect(find(made, object.kind, object.metadata.name)).toEqual(object)
  })

  test('makes one set of nodes a zone', () => {
    const made = builtBy(join(PROJECT_ROOT, KUBERNETES, 'zones'))
    expect(made.flatMap(schemaFaults)).toEqual([])
    const sets = made.filter(({ kind }) => kind === 'StatefulSet')
    expect(sets.map(({ metadata }) => metadata.name)).toEqual(
      ZONES.map((zone) => `quorate-${zone}`),
    )
    for (const { spec } of sets) expect(spec).toMatchObject({ serviceName, replicas: 1 })
  })
})
