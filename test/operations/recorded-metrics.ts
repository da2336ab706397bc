/**
 * What Prometheus would have stored of a virtual cluster: the metrics of each node, read at equal steps of virtual time.
 * A node that does not run cannot be read.
 */
import type { Metrics, MetricLabels } from '../../src/ports/metrics.ts'
import { type Id, VirtualCluster } from '../node/virtual-cluster.ts'

export const STEP_SECONDS = 15

/** One series as promtool reads it. */
export interface InputSeries {
  readonly series: string
  readonly values: string
}

export class RecordedMetrics {
  readonly cluster: VirtualCluster
  readonly #ids: readonly Id[]
  /** By node: series → its present value, since the node last started. */
  readonly #present = new Map<string, Map<string, number>>()
  /** Series → what was read at each step. */
  readonly #read = new Map<string, (number | undefined)[]>()
  #steps = 0

  constructor(name: string, ids: readonly Id[], hintBytesPerOwnerMax: number) {
    this.#ids = ids
    const metricsOf = (node: string): Metrics => this.#metricsOf(node)
    this.cluster = new VirtualCluster(name, ids, hintBytesPerOwnerMax, metricsOf)
  }

  /** The number of the last step, from 0. */
  get lastStep(): number {
    return this.#steps - 1
  }

  async step(): Promise<void> {
    await this.cluster.pass(STEP_SECONDS)
    for (const id of this.#ids) {
      const isRunning = this.cluster.node(id).hasProcess
      this.#note(`up{instance="${id}",job="quorate"}`, isRunning ? 1 : 0)
      if (!isRunning) continue
      for (const [series, value] of this.#present.get(id) ?? []) this.#note(series, value)
    }
    this.#steps++
  }

  /**
   * The recorded steps, and `more` steps after them: every series keeps its last value, except those named in `growing`,
   * which go on as in the last step.
   */
  held(more: number, growing: readonly string[]): readonly InputSeries[] {
    return [...this.#read].map(([series, read]) => {
      const values = Array.from({ length: this.#steps }, (_, step) => read[step])
      const last = values.at(-1)
      if (last === undefined)
        return { series, values: [...values.map(written), `_x${more}`].join(' ') }
      const isGrowing = growing.some((name) => series.startsWith(`quorate_${name}{`))
      const slope = isGrowing ? last - (values.at(-2) ?? last) : 0
      if (slope < 0) throw new Error(`${series} does not grow: ${values.join(' ')}`)
      const rest = `${last + slope}+${slope}x${more - 1}`
      return { series, values: [...values.map(written), rest].join(' ') }
    })
  }

  #metricsOf(node: string): Metrics {
    const present = new Map<string, number>()
    this.#present.set(node, present)
    const named = (name: string, labels: MetricLabels = {}): string => {
      const all = Object.entries({ instance: node, job: 'quorate', ...labels })
      return `quorate_${name}{${all.map(([label, value]) => `${label}="${value}"`).join(',')}}`
    }
    return {
      count: (name, labels, by = 1) => {
        const series = named(name, labels)
        present.set(series, (present.get(series) ?? 0) + by)
      },
      gauge: (name, value, labels) => present.set(named(name, labels), value),
      seconds: () => undefined,
    }
  }

  #note(series: string, value: number): void {
    const read = this.#read.get(series) ?? []
    read[this.#steps] = value
    this.#read.set(series, read)
  }
}

/** Promtool writes a missing value as an underscore. */
function written(value: number | undefined): string {
  return value === undefined ? '_' : String(value)
}
