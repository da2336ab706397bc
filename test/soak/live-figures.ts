/** What the live view costs a loaded cluster of five processes, how late it is, and how smoothly the page moves. */
import autocannon from 'autocannon'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { usageOf } from '../../src/bench/process-usage.ts'
import type { RunningSystem } from '../../src/bench/systems/system.ts'
import type { TimedPlan } from '../../src/simulation/interactive/timed-plan.ts'

const CONNECTIONS = 20
const KEYS = 2000
const VALUE = 'x'.repeat(100)

export interface LoadedRound {
  readonly requestsPerSecond: number
  /** Processor time of all nodes together for one request. */
  readonly cpuUs: number
}

/** Quorum puts and gets at all of these nodes for so long. */
export async function loadFor(
  { pids }: RunningSystem,
  urls: readonly string[],
  seconds: number,
): Promise<LoadedRound> {
  const cpuSeconds = (): number =>
    pids.reduce((sum, pid) => sum + (usageOf(pid)?.cpuSeconds ?? 0), 0)
  const before = cpuSeconds()
  const startMs = performance.now()
  const results = await Promise.all(
    urls.map((url) =>
      autocannon({
        url,
        connections: Math.ceil(CONNECTIONS / urls.length),
        duration: seconds,
        requests: (['PUT', 'GET'] as const).map((method) => ({
          method,
          setupRequest: (request) => ({
            ...request,
            path: `/v1/kv/default/load-${Math.floor(Math.random() * KEYS)}`,
            ...(method === 'PUT' ? { body: VALUE } : {}),
          }),
        })),
      }),
    ),
  )
  const tookSeconds = (performance.now() - startMs) / 1000
  const used = cpuSeconds() - before
  const answers = results.reduce((sum, result) => sum + result.requests.total, 0)
  return { requestsPerSecond: answers / tookSeconds, cpuUs: (used * 1e6) / answers }
}

/**
 * Changes the count of requests at the node that the page follows, again and again. Resolves with how late the page shows
 * each change, in ms. Nobody else may ask this node.
 */
export async function delaysOf(page: Page, url: string, count: number): Promise<number[]> {
  const delays: number[] = []
  for (let i = 0; i < count; i++) {
    // Not in step with the node, which looks for changes at intervals of its own.
    await sleep(100 + ((i * 137) % 400))
    const seen = page.evaluate(firstChange)
    await fetch(`${url}/v1/kv/default/probe`, { method: 'PUT', body: String(i) })
    const doneMs = Date.now()
    delays.push(Math.max(0, (await seen) - doneMs))
  }
  return delays
}

/** Runs in the page: resolves with the time at which the words about the newest requests change. */
function firstChange(): Promise<number> {
  const words = (): string | undefined =>
    [...document.querySelectorAll('.told li')]
      .map((each) => each.textContent ?? '')
      .find((text) => text.includes('requests at this node'))
  const before = words()
  return new Promise((resolve) => {
    const look = (): void => {
      if (words() === before) requestAnimationFrame(look)
      else resolve(Date.now())
    }
    look()
  })
}

/** How many frames a second the page draws. */
export async function framesPerSecond(page: Page, seconds: number): Promise<number> {
  const frames = await page.evaluate(
    (ms) =>
      new Promise<number>((resolve) => {
        const endMs = performance.now() + ms
        let count = 0
        const next = (nowMs: number): void => {
          count++
          if (nowMs >= endMs) resolve(count)
          else requestAnimationFrame(next)
        }
        requestAnimationFrame(next)
      }),
    seconds * 1000,
  )
  return frames / seconds
}

/** The value below which that part lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}

/** Two clients that send a request each at every tenth of a second. */
export function busyPlan(seconds: number): TimedPlan {
  const actions = Array.from({ length: seconds * 20 }, (_, i) => ({
    atMs: 2000 + i * 50,
    client: 1 + (i % 2),
    node: `n${1 + (i % 5)}`,
    level: 'quorum' as const,
    bucket: 'default',
    key: 'cart',
    ...(i % 4 < 2 ? { do: 'put' as const, value: `v${i}` } : { do: 'get' as const }),
  }))
  return { seed: 'busy', nodes: 5, endMs: 2000 + seconds * 1000, actions }
}
