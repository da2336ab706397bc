/** A planted bug (planted-bugs.ts) as data: how it changes the source, and in which runs the checks must find it. */
import type { WorkloadName } from '../plan/plan.ts'
import type { FaultKind } from '../plan/sim-fault.ts'

export interface PlantedBug {
  readonly name: string
  /** A sentence that says what the bug does wrong. */
  readonly what: string
  /** Relative to src. */
  readonly file: string
  readonly find: string
  readonly replace: string
  /** A second place; in the same file if it names none. */
  readonly also?: { readonly file?: string; readonly find: string; readonly replace: string }
  /** The bug must be found within so many seeds, from seed 1 on. */
  readonly seeds: number
  readonly seconds: number
  readonly workloads: readonly WorkloadName[]
  readonly nemesis: readonly FaultKind[]
  /** Undefined for the defaults of a plan. */
  readonly keys?: number
  readonly clients?: number
  /** Whether readers watch each bucket. */
  readonly watch?: boolean
}
