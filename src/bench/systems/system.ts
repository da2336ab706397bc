/** The objects of a measurement: a running store, the requests that load it, and the measured figures. */

export interface RunningSystem {
  readonly name: string
  /** The address of each node; the load is spread over them. */
  readonly urls: readonly string[]
  /** The process of each node, in the order of `urls`. */
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
  /** Turns the number of a key into the text that replaces `{key}`. */
  readonly keyOf: (number: number) => string
  /** The status of a successful answer. */
  readonly status: number
  /** Extracts the value from the body of an answer; undefined if answers carry no value. */
  readonly valueIn: ((body: string) => string | undefined) | undefined
}

/** The figures of one round. */
export interface Measurement {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  /** The worst p99 of the processes that made the load. */
  readonly p99Ms: number
  /** Answers that were not 2xx, timeouts, broken connections. */
  readonly errors: number
  /** The average size of head and body. Load generators report nothing else about answers that they do not check. */
  readonly bytesPerAnswer: number
  /**
   * The CPU use of each node during the load, as a share of one processor; undefined if the system does not report it.
   */
  readonly cpuShares: readonly number[] | undefined
  readonly rssBytes: readonly number[] | undefined
  /** The share of all processors that other processes used meanwhile. */
  readonly othersShare: number | undefined
}
