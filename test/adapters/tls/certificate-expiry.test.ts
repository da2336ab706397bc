import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { createPinoLog } from '../../../src/adapters/log/pino-log.ts'
import { createPromMetrics } from '../../../src/adapters/metrics/prom-metrics.ts'
import { watchExpiry } from '../../../src/adapters/tls/certificate-expiry.ts'
import { TestAuthority } from '../../certificates/test-authority.ts'

const DAY_MS = 86_400_000
const authority = new TestAuthority()
const validFor = (days: number): X509Certificate =>
  new X509Certificate(authority.issue(['n1'], { validMs: days * DAY_MS }).cert)

test('the metric counts down, and the log warns once a day, at the end with an error', async () => {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const metrics = createPromMetrics()
  let nowMs = Date.now()
  const certificate = validFor(90)
  const expiry = watchExpiry({
    certificates: { peer: () => [certificate], peer_ca: () => [validFor(400), validFor(300)] },
    clock: { wallMs: () => nowMs, monotonicMs: () => 0 },
    metrics,
    log: createPinoLog({ node: 'n1', level: 'info', destination }),
  })
  expiry.stop()
  const secondsLeft = async (kind: string): Promise<number> => {
    expiry.look()
    const line = (await metrics.render())
      .split('\n')
      .find((each) => each.startsWith(`quorate_certificate_expiry_seconds{kind="${kind}"}`))
    return Number(line?.split(' ')[1])
  }
  expect((await secondsLeft('peer')) / 86_400).toBeCloseTo(90, 1)
  expect((await secondsLeft('peer_ca')) / 86_400).toBeCloseTo(300, 1)
  expect(lines).toEqual([])
  nowMs += 76.5 * DAY_MS
  for (let i = 0; i < 3; i++) await secondsLeft('peer')
  nowMs += DAY_MS
  await secondsLeft('peer')
  nowMs += 13 * DAY_MS
  expect(await secondsLeft('peer')).toBeLessThan(0)
  const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(told).toMatchObject([
    { level: 40, kind: 'peer', days: 13 },
    { level: 40, kind: 'peer', days: 12 },
    { level: 50, kind: 'peer' },
  ])
})

test('a certificate of a short life is warned of in its last quarter', () => {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  // It began to be valid 30 days ago.
  const certificate = validFor(8)
  let nowMs = Date.now() - 2 * DAY_MS
  const expiry = watchExpiry({
    certificates: { client: () => [certificate] },
    clock: { wallMs: () => nowMs, monotonicMs: () => 0 },
    metrics: createPromMetrics(),
    log: createPinoLog({ node: 'n1', level: 'info', destination }),
  })
  expiry.stop()
  expect(lines).toEqual([])
  nowMs += DAY_MS
  expiry.look()
  expect(lines).toHaveLength(1)
})
