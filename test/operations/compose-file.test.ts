/** What docker-compose.yml starts beside the nodes, and that every file it mounts is there. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { PROJECT_ROOT, readFiles } from '../tidy/project-files.ts'
import { readAlertRules } from './observability-files.ts'

interface Service {
  readonly image: string
  readonly ports: readonly string[]
  readonly volumes: readonly string[]
  readonly profiles?: readonly string[]
}

const [file] = readFiles('docker-compose.yml')
const { services } = parse(file?.text ?? '', { merge: true }) as {
  services: Readonly<Record<string, Service>>
}
const watching = Object.entries(services).filter(([, { image }]) => image !== 'quorate:local')

test('every port is published on this machine only', () => {
  const ports = Object.values(services).flatMap((service) => service.ports)
  expect(ports.length).toBeGreaterThan(7)
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
})

describe('the profile observability', () => {
  test('starts Prometheus and Grafana', () => {
    expect(watching.map(([name]) => name)).toEqual(['prometheus', 'grafana'])
  })

  test.each(watching)('%s: is one exact image, and starts with the profile only', (_, service) => {
    expect(service.image).toMatch(/:v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}$/)
    expect(service.profiles).toEqual(['observability'])
  })

  test.each(watching)('%s: mounts files of this project', (_, { volumes }) => {
    const mounted = volumes.filter((volume) => volume.startsWith('.'))
    expect(mounted).not.toEqual([])
    for (const volume of mounted) {
      const [path = '', , mode] = volume.split(':')
      expect(existsSync(join(PROJECT_ROOT, path)), path).toBe(true)
      expect(mode).toBe('ro')
    }
  })

  test.each(['prometheus.yml', 'prometheus-tls.yml'])('%s: every node is read', (name) => {
    const [settings] = readFiles(`docker/observability/${name}`)
    const nodes = Object.keys(services).filter((name) => /^n\d+$/.test(name))
    for (const node of nodes) expect(settings?.text).toMatch(new RegExp(`\\b${node}\\b`))
    const { scrape_configs } = parse(settings?.text ?? '') as {
      scrape_configs: readonly { job_name: string }[]
    }
    expect(scrape_configs.map(({ job_name }) => job_name)).toEqual(['quorate'])
  })
})

test('the page lists every alert with its severity', () => {
  const [page] = readFiles('docker/observability/README.md')
  const rows = [...(page?.text ?? '').matchAll(/^\| `(Quorate\w+)` \|.*\| (\w+) \|$/gm)]
  expect(rows.map(([, alert, severity]) => [alert, severity])).toEqual(
    readAlertRules().map(({ alert, labels }) => [alert, labels['severity']]),
  )
})
