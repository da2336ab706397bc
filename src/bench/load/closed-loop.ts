/**
 * Makes load from connections of any kind: each sends its next request when the one before was answered, like wrk does.
 * Pure but for its arguments.
 */
import type { LoadResult } from '../systems/system.ts'

/** Sends one request from its own connection. Resolves to the size of the answer in bytes. */
export type SendRequest = (keyNumber: number) => Promise<number>

export interface LoopOptions {
  readonly seconds: number
  readonly keys: number
  readonly nowMs: () => number
  /** A number from 0 to, not including, 1. */
  readonly random: () => number
}

/** A failed request counts as an error and ends the loop of its connection. */
export async function runClosedLoops(
  senders: readonly SendRequest[],
  { seconds, keys, nowMs, random }: LoopOptions,
): Promise<LoadResult> {
  const latenciesMs: number[] = []
  let bytes = 0
  let errors = 0
  const startMs = nowMs()
  const endMs = startMs + seconds * 1000
  const loop = async (send: SendRequest): Promise<void> => {
    for (let sentMs = startMs; sentMs < endMs;) {
      const size = await send(Math.floor(random() * keys))
      const answeredMs = nowMs()
      bytes += size
      latenciesMs.push(answeredMs - sentMs)
      sentMs = answeredMs
    }
  }
  await Promise.all(senders.map((send) => loop(send).catch(() => void (errors += 1))))
  const answers = latenciesMs.length
  latenciesMs.sort((a, b) => a - b)
  return {
    answers,
    requestsPerSecond: answers / ((nowMs() - startMs) / 1000),
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    errors,
    bytesPerAnswer: answers === 0 ? 0 : bytes / answers,
  }
}

/** The smallest number that at least `share` of the sorted numbers do not exceed; 0 if there is none. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
