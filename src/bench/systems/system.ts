/** What is measured: a store that runs, and the requests to load it with. */

export interface RunningSystem {
  readonly name: string
  /** Where each node takes requests; the load is spread over them. */
  readonly urls: readonly string[]
  /** One process a node, in the order of `urls`. */
  readonly pids: readonly number[]
  stop(): Promise<void>
}

/** One kind of request. `{key}` in the path or body stands for a random key. */
export interface Workload {
  /** Unique in a run. */
  readonly name: string
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly path: string
  readonly body: string
  /** Turns the number of a key into what stands for `{key}`. */
  readonly keyOf: (number: number) => string
  /** Of an answer that did what was asked. */
  readonly status: number
  /** Takes the value out of the body of an answer; undefined where answers carry none. */
  readonly valueIn: ((body: string) => string | undefined) | undefined
}

/** Measured in one round. */
export interface Measurement {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  /** The worst of the processes that made the load. */
  readonly p99Ms: number
  /** Answers that were not 2xx, timeouts, broken connections. */
  readonly errors: number
  /** Head and body, on average: what a load generator can tell of the answers it does not look at. */
  readonly bytesPerAnswer: number
  /** Of each node, as a share of one processor, while the load ran; undefined where the system does not tell. */
  readonly cpuShares: readonly number[] | undefined
  readonly rssBytes: readonly number[] | undefined
  /** Of all processors, what other processes took meanwhile. */
  readonly othersShare: number | undefined
}
