/**
 * The cluster that a run is about: containers, local processes, or given URLs, which nothing can break.
 */
import type { RunArguments } from './arguments.ts'
import { UsageError } from './arguments.ts'
import type { FaultDriver } from './nemesis.ts'
import type { Endpoint } from './store-client.ts'

export interface Target {
  /** In words, for the first line of a run. */
  readonly name: string
  readonly endpoints: readonly Endpoint[]
  readonly driver: FaultDriver | undefined
  /** Lets go of the cluster; one that was started for the run is stopped. */
  close(): Promise<void>
}

export interface TargetOptions {
  readonly print: (line: string) => void
  /** Where each fault is noted, a line each. */
  readonly chaosLog: string
}

/** Errors: UsageError where the target cannot do what the arguments ask for. */
export async function openTarget(args: RunArguments, _options: TargetOptions): Promise<Target> {
  if (typeof args.target !== 'string') return urlTarget(args.target)
  throw new UsageError('no cluster')
}

function urlTarget(urls: readonly string[]): Target {
  return {
    name: urls.join(', '),
    endpoints: urls.map((url) => ({ node: new URL(url).host, url })),
    driver: undefined,
    close: async () => {},
  }
}
