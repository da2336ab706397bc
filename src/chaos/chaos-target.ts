/** What chaos can do to a cluster, wherever it runs. Everything is idempotent. */
import type { Fault } from './chaos-fault.ts'

export interface ChaosTarget {
  readonly name: 'docker' | 'local'
  /** A sentence on what a network fault is here. */
  readonly about: string
  nodes(): Promise<readonly string[]>
  /** What `apply` would do, line by line. */
  plan(fault: Fault, forMs: number): Promise<readonly string[]>
  /**
   * Breaks, with a lease that ends by itself after `forMs` whatever becomes of this process; resolves once
   * the effect has been probed, rejects where it has not come within a bounded time.
   */
  apply(fault: Fault, words: readonly string[], forMs: number): Promise<void>
  heal(): Promise<void>
  /** What `heal` would do, line by line. */
  planHeal(): Promise<readonly string[]>
  status(): Promise<ChaosStatus>
}

export interface ChaosStatus {
  readonly nodes: readonly { readonly id: string; readonly state: string }[]
  /** For each node that runs, whether it reaches each other one: probed now. */
  readonly reaches: ReachMatrix
  readonly leases: readonly { readonly fault: string; readonly endsInMs: number }[]
}

export type ReachMatrix = Readonly<Record<string, Readonly<Record<string, boolean>>>>
