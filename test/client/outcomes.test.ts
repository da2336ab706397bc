/**
 * Writes against nodes that fail in every way, in random order. The nodes know how often each write was applied, so the
 * test knows whether the outcome that the client tells is true.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type CallOptions,
  createClient,
  type Quorate,
  RejectedError,
  UnknownOutcomeError,
  UsageError,
} from '../../src/client/quorate.ts'
import {
  type Behaviour,
  breakOff,
  done,
  fixedRandom,
  loseHost,
  problem,
  refuse,
  stayCut,
  VirtualClock,
  virtualFetch,
} from './virtual-world.ts'

const TIMEOUT_MS = 3000

/** What a node does with one attempt. `apply` applies it, unless a write of the same name was applied before. */
type Fault = (apply: () => void, request: Request) => Response | Promise<Response>

const FAULTS: Readonly<Record<string, Fault>> = {
  done: (apply) => (apply(), done()),
  refused: (_apply, request) => refuse(request) as never,
  'lost before': (_apply, request) => breakOff(request) as never,
  'lost after': (apply, request) => (apply(), breakOff(request) as never),
  'host lost after': (apply, request) => (apply(), loseHost(request) as never),
  'silent before': (_apply, request) => stayCut(request),
  'silent after': (apply, request) => (apply(), stayCut(request)),
  busy: () => problem('overloaded', { 'retry-after': '1' }),
  'out of reach': () => problem('quorum_unreachable', { 'retry-after': '0' }),
  'unknown before': () => problem('outcome_unknown'),
  'unknown after': (apply) => (apply(), problem('deadline_passed')),
  wrong: () => problem('bad_parameter'),
  impossible: () => problem('limit_reached'),
  'proxy before': () => new Response('<html>', { status: 502 }),
  'proxy after': (apply) => (apply(), new Response('<html>', { status: 404 })),
  'half a problem': (apply) => (
    apply(),
    new Response('{"outcome":"rejected"', {
      status: 503,
      headers: { 'content-type': 'application/problem+json' },
    })
  ),
}

const WRITES = {
  put: (client, options) => client.bucket('default').put('k', 'v', options),
  'put twice': (client, options) =>
    client.bucket('default').put('k', 'v', { ...options, idempotent: true }),
  delete: (client, options) => client.bucket('default').delete('k', options),
  increment: (client, options) => client.counters('visits').increment('k', 1, options),
  'strong put': (client, options) => client.strong('strong').put('k', 'v', options),
  'compare and set': (client, options) =>
    client.strong('strong').compareAndSet('k', '"1"', 'v', options),
  'change of a set': (client, options) => client.sets('tags').add('k', ['a'], options),
} satisfies Record<string, (client: Quorate, options: CallOptions) => Promise<unknown>>
type Kind = keyof typeof WRITES

const runs = fc.record({
  kind: fc.constantFrom(...(Object.keys(WRITES) as Kind[])),
  faults: fc.array(fc.constantFrom(...Object.keys(FAULTS)), { minLength: 1, maxLength: 6 }),
  endpoints: fc.integer({ min: 1, max: 3 }),
  abortMs: fc.option(fc.integer({ min: 0, max: TIMEOUT_MS }), { nil: undefined, freq: 10 }),
})

test('the client never tells an outcome that is not true', async () => {
  await fc.assert(
    fc.asyncProperty(runs, async ({ kind, faults, endpoints, abortMs }) => {
      const clock = new VirtualClock()
      let attempts = 0
      let applied = 0
      const names = new Set<string>()
      const behave: Behaviour = (request) => {
        const apply = (): void => {
          const name = request.headers.get('idempotency-key')
          if (name === null || !names.has(name)) applied++
          if (name !== null) names.add(name)
        }
        const fault = FAULTS[faults[attempts++ % faults.length] as string] as Fault
        return fault(apply, request)
      }
      const urls = Array.from({ length: endpoints }, (_, i) => `http://n${i}:8001`)
      const fetch = virtualFetch(Object.fromEntries(urls.map((url) => [url, behave])))
      await using client = createClient({
        endpoints: urls,
        timeoutMs: TIMEOUT_MS,
        clock,
        random: fixedRandom(),
        fetch,
      })
      const controller = new AbortController()
      const reason = new Error('the program ended it')
      if (abortMs !== undefined) clock.after(abortMs, () => controller.abort(reason))
      const outcome = await clock.run(
        WRITES[kind](client, { signal: controller.signal }).then(
          () => 'done' as const,
          (error: unknown) => error,
        ),
      )
      expect(clock.nowMs()).toBeLessThanOrEqual(TIMEOUT_MS)
      expect(attempts).toBeLessThanOrEqual(5)
      if (outcome === 'done') {
        expect(applied).toBeGreaterThan(0)
      } else if (!(outcome instanceof UnknownOutcomeError)) {
        const isRejected = outcome instanceof RejectedError || outcome instanceof UsageError
        expect(isRejected || outcome === reason).toBe(true)
        expect(applied).toBe(0)
      }
      if (kind !== 'put twice') expect(applied).toBeLessThanOrEqual(1)
    }),
    { numRuns: 300 },
  )
})
