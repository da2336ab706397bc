/** The input of the report of a run. */
import type { HistoryEvent } from '../../checker/history/history.ts'
import type { Verdict } from '../../checker/verdict/verdict.ts'

export interface RunReport {
  /** The name of the workload. */
  readonly title: string
  readonly verdict: Verdict
  readonly history: readonly HistoryEvent[]
  readonly settings: RunSettings
  /** The command that runs it again. */
  readonly command: string
  /** ISO 8601. */
  readonly startedAt: string
  /** Why the cluster was not healthy at the end; undefined if it was. */
  readonly unsettled: string | undefined
  /** The level, or the mode of the bucket, that does not promise what was found broken; undefined if it is promised. */
  readonly notPromisedBy?: string | undefined
  /** The promise of the model, as a phrase. */
  readonly promise: string
}

export interface RunSettings {
  readonly workload: string
  readonly bucket: string
  readonly consistency: string
  readonly nemesis: string
  readonly seed: string
  readonly clients: number
  readonly rate: number
  readonly keys: number
  readonly timeLimitMs: number
  readonly target: string
}
