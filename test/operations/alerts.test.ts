/**
 * Each alert fires for its fault, and for no other one. The faults happen to real nodes on virtual time; what the nodes
 * count meanwhile becomes the input of `promtool`, so that Prometheus itself evaluates the rules. A fault lasts a
 * minute and a half, and then its values are held for as long as an alert wants to see them.
 *
 * npm has no evaluator of PromQL, only parsers. So this is skipped where promtool is not installed, and that is said; with
 * CI=true it is a failure.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { IDS, type Id, type VirtualCluster } from '../node/virtual-cluster.ts'
import { PROJECT_ROOT } from '../tidy/project-files.ts'
import {
  metricsIn,
  readAlertRules,
  readPanelExpressions,
  RULES_PATH,
} from './observability-files.ts'
import { type InputSeries, RecordedMetrics, STEP_SECONDS } from './recorded-metrics.ts'

const READ_BY_RULES = new Set(readAlertRules().flatMap(({ expr }) => metricsIn(expr)))

/** In seconds. */
const DAY = 86_400
const HEALTHY_STEPS = 2
const FAULTY_STEPS = 6

interface Scenario {
  readonly fault: string
  readonly ids?: readonly Id[]
  readonly hintBytesPerOwnerMax?: number
  readonly start: (cluster: VirtualCluster) => void | Promise<void>
  /** What clients do in each step of the fault. */
  readonly meanwhile?: (cluster: VirtualCluster, step: number) => Promise<unknown>
  /** What the virtual machine cannot show, by step. */
  readonly extra?: (steps: number) => readonly InputSeries[]
  /** Metrics that go on as in the last step. */
  readonly growing?: readonly string[]
  /** Minutes since the fault began → the alerts that fire then. */
  readonly firing: Readonly<Record<number, readonly string[]>>
}

const write = (cluster: VirtualCluster, step: number): Promise<string> =>
  cluster.put('n1', `key ${step}`, 'x'.repeat(1000), 'eventual')

const DOWN = ['QuorateNodeDown', 'QuoratePeerUnreachable']

const SCENARIOS: readonly Scenario[] = [
  {
    fault: 'nothing',
    start: () => undefined,
    meanwhile: write,
    firing: { 1: [], 30: [] },
  },
  {
    fault: 'a node is down while clients write',
    start: (cluster) => cluster.node('n3').crash('process'),
    meanwhile: write,
    growing: ['hints_pending_bytes', 'horizon_age_seconds'],
    firing: {
      1: [],
      4: DOWN,
      30: [...DOWN, 'QuorateHintsGrowing'],
      120: [...DOWN, 'QuorateForgettingBlocked', 'QuorateHintsGrowing'],
    },
  },
  {
    fault: 'a node is down and nobody writes',
    start: (cluster) => cluster.node('n3').crash('process'),
    firing: { 30: DOWN },
  },
  {
    fault: 'a new cluster starts without one of its nodes',
    start: async (cluster) => {
      for (const id of IDS) {
        cluster.node(id).crash('machine')
        cluster.node(id).platter.wipe()
      }
      for (const id of ['n1', 'n2'] as const) cluster.node(id).start()
      await cluster.until(() => cluster.node('n1').isUp && cluster.node('n2').isUp)
    },
    firing: { 30: DOWN },
  },
  {
    fault: 'one node is cut off',
    start: (cluster) => void cluster.isolate('n3'),
    firing: { 4: ['QuoratePeerUnreachable', 'QuorateQuorumLost'] },
  },
  {
    fault: 'a majority is down',
    start: (cluster) => {
      cluster.node('n2').crash('process')
      cluster.node('n3').crash('process')
    },
    firing: { 4: [...DOWN, 'QuorateQuorumLost'] },
  },
  {
    fault: 'all nodes are down',
    start: (cluster) => {
      for (const id of IDS) cluster.node(id).crash('process')
    },
    firing: { 4: ['QuorateAllNodesDown', 'QuorateNodeDown'] },
  },
  {
    fault: 'hints have no room',
    hintBytesPerOwnerMax: 4000,
    start: (cluster) => cluster.node('n3').crash('process'),
    meanwhile: write,
    firing: { 4: [...DOWN, 'QuorateHintsDropped'] },
  },
  {
    fault: 'a disk is full',
    start: (cluster) => {
      cluster.node('n2').platter.isFull = true
    },
    meanwhile: write,
    firing: { 4: ['QuorateDiskFull'] },
  },
  {
    fault: 'the disk of n1 fills within months, and that of n2 within hours',
    start: () => undefined,
    // A virtual disk has no size.
    extra: (steps) => [freeBytes('n1', 1e6, steps), freeBytes('n2', 30e6, steps)],
    firing: { 10: [], 60: ['QuorateDiskFilling'] },
  },
  {
    fault: 'a record is damaged',
    start: async (cluster) => {
      await cluster.put('n1', 'damaged', 'value', 'all')
      const node = cluster.node('n2')
      node.crash('process')
      expect(node.platter.rot((key) => key.startsWith('d/'))).toBeDefined()
      node.start()
      await cluster.until(() => node.isUp)
    },
    firing: { 4: ['QuorateDamagedRecords'], 70: [] },
  },
  {
    fault: 'a clock is a little ahead',
    start: (cluster) => cluster.node('n2').host.jump(400),
    meanwhile: write,
    firing: { 5: ['QuorateClockDrift'] },
  },
  {
    fault: 'a clock is far ahead',
    start: (cluster) => cluster.node('n2').host.jump(60_000),
    meanwhile: write,
    growing: ['clock_drift_refusals_total'],
    firing: { 5: ['QuorateClockDrift', 'QuorateClockRefused'] },
  },
  {
    fault: 'a certificate expires in 14 days',
    start: () => undefined,
    // Virtual nodes have no TLS.
    extra: (steps) => [validFor('n1', 90 * DAY, steps), validFor('n2', 14 * DAY + 1800, steps)],
    firing: { 20: [], 110: ['QuorateCertificateExpiring'] },
  },
  {
    fault: 'a certificate expires tomorrow',
    start: () => undefined,
    extra: (steps) => [validFor('n1', 90 * DAY, steps), validFor('n2', DAY + 600, steps)],
    firing: {
      5: [],
      15: ['QuorateCertificateExpired'],
      70: ['QuorateCertificateExpired', 'QuorateCertificateExpiring'],
    },
  },
  {
    fault: 'nobody reads the audit log',
    start: () => undefined,
    // Virtual nodes have no audit log.
    extra: () => [
      {
        series: 'quorate_audit_lines_dropped_total{instance="n1",job="quorate"}',
        values: `_x${HEALTHY_STEPS} 7+0x1000`,
      },
    ],
    firing: { 4: ['QuorateAuditLinesDropped'], 40: [] },
  },
]

const promtool = findPromtool()
if (promtool === undefined) {
  console.warn('promtool (Debian: package prometheus) is not installed: the alerts stay untried')
}

test.runIf(process.env['CI'] === 'true')('with CI=true promtool is installed', () => {
  expect(promtool).toBeDefined()
})

test('every alert tells what has happened and what to do', () => {
  for (const { annotations, labels } of readAlertRules()) {
    expect(Object.keys(annotations).sort()).toEqual(['action', 'summary'])
    expect(labels['severity']).toMatch(/^(critical|warning)$/)
  }
})

describe.skipIf(promtool === undefined)('Prometheus', () => {
  let folder: string

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'quorate-rules-'))
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('reads the rules and its settings', async () => {
    await run('check', 'rules', join(PROJECT_ROOT, RULES_PATH))
    for (const file of ['prometheus.yml', 'prometheus-tls.yml']) {
      const path = join(PROJECT_ROOT, 'docker/observability', file)
      await run('check', 'config', '--syntax-only', path)
    }
  })

  test('understands every panel', async () => {
    const rules = readPanelExpressions().map(({ text }, i) => ({
      record: `panel_${i}`,
      expr: text,
    }))
    await run('check', 'rules', made('panels.yml', { groups: [{ name: 'panels', rules }] }))
  })

  test('each alert has a fault here', () => {
    const fired = new Set(SCENARIOS.flatMap(({ firing }) => Object.values(firing).flat()))
    const alerts = readAlertRules().map(({ alert }) => alert)
    expect(alerts.filter((alert) => !fired.has(alert))).toEqual([])
  })

  test.each(SCENARIOS)('$fault: $firing', async (scenario) => {
    const recorded = new RecordedMetrics(
      scenario.fault,
      scenario.ids ?? IDS,
      scenario.hintBytesPerOwnerMax ?? 1_000_000,
    )
    await recorded.cluster.start()
    for (let step = 0; step < HEALTHY_STEPS; step++) await recorded.step()
    const begunStep = recorded.lastStep
    await scenario.start(recorded.cluster)
    for (let step = 0; step < FAULTY_STEPS; step++) {
      await scenario.meanwhile?.(recorded.cluster, step)
      await recorded.step()
    }
    expect(recorded.cluster.broken).toEqual([])
    const stepsOf = (minutes: number): number => (minutes * 60) / STEP_SECONDS
    const held = stepsOf(Math.max(...Object.keys(scenario.firing).map(Number)))
    const all = recorded.lastStep + 1 + held
    const path = made('scenario.yml', {
      rule_files: [join(PROJECT_ROOT, RULES_PATH)],
      evaluation_interval: `${STEP_SECONDS}s`,
      tests: [
        {
          interval: `${STEP_SECONDS}s`,
          input_series: [
            ...recorded.held(held, scenario.growing ?? []).filter(isReadByRules),
            ...(scenario.extra?.(all) ?? []),
          ],
          promql_expr_test: Object.entries(scenario.firing).map(([minutes, alerts]) => ({
            expr: 'group by (alertname) (ALERTS{alertstate="firing"})',
            eval_time: `${(begunStep + stepsOf(Number(minutes))) * STEP_SECONDS}s`,
            exp_samples: alerts.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 })),
          })),
        },
      ],
    })
    await run('test', 'rules', path)
  })

  /** JSON is YAML, too. */
  function made(name: string, content: object): string {
    const path = join(folder, name)
    writeFileSync(path, JSON.stringify(content))
    return path
  }
})

/** What no rule reads would cost promtool most of its time. */
function isReadByRules({ series }: InputSeries): boolean {
  return READ_BY_RULES.has(series.slice(0, series.indexOf('{')))
}

/** A disk with 50 GB free, of which each step takes some. */
function freeBytes(node: Id, takenEachStep: number, steps: number): InputSeries {
  const series = `quorate_storage_free_bytes{instance="${node}",job="quorate"}`
  return { series, values: `${50e9}-${takenEachStep}x${steps}` }
}

/** A certificate for clients that expires after so many seconds. */
function validFor(node: Id, seconds: number, steps: number): InputSeries {
  const series = `quorate_certificate_expiry_seconds{instance="${node}",job="quorate",kind="client"}`
  return { series, values: `${seconds}-${STEP_SECONDS}x${steps}` }
}

function findPromtool(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.map((folder) => join(folder, 'promtool')).find((path) => existsSync(path))
}

function run(...args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(promtool ?? '', [...args], (error, stdout, stderr) => {
      if (error === null) resolve()
      else reject(new Error(`promtool ${args.slice(0, 2).join(' ')}: ${stdout}${stderr}`))
    })
  })
}
