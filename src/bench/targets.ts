/** The targets of the store. Each names rows of one run by their workloads. */

/** How much CPU time all nodes together may spend on a request. Either limit satisfies. */
export interface Budget {
  readonly what: string
  readonly row: string
  readonly cpuUsMax: number
  /** In requests of the row `single put`, which is the same work without replication on the same machine. */
  readonly singlePutsMax?: number
}

/** A comparison with the row of another system. */
export interface Ratio {
  readonly what: string
  readonly row: string
  readonly against: string
  /** `row` must have at least so many times the requests a second of `against`, and its p99 must be lower. */
  readonly atLeast: number
}

/** One connection alone: the median latency of `row` must be below that of `against`. */
export interface LatencyTarget {
  readonly what: string
  readonly row: string
  readonly against: string
}

/** The row of which budgets and the table count multiples. */
export const SINGLE_PUT = 'single put'

export const BUDGETS: readonly Budget[] = [
  { what: 'quorum put', row: 'put quorum', cpuUsMax: 130, singlePutsMax: 3.2 },
  { what: 'strong put', row: 'put strong', cpuUsMax: 150, singlePutsMax: 3.6 },
  { what: 'strong put, one hot key', row: 'put strong hot', cpuUsMax: 60 },
  { what: 'quorum get', row: 'get quorum', cpuUsMax: 65 },
  { what: 'strong get', row: 'get strong', cpuUsMax: 65 },
  { what: 'eventual get', row: 'get eventual', cpuUsMax: 45 },
]

export const RATIOS: readonly Ratio[] = [
  { what: 'quorum put / etcd put', row: 'put quorum', against: 'etcd put', atLeast: 3 },
  { what: 'strong put / etcd put', row: 'put strong', against: 'etcd put', atLeast: 2.5 },
  {
    what: 'quorum get / etcd linearizable',
    row: 'get quorum',
    against: 'etcd linearizable',
    atLeast: 3,
  },
  {
    what: 'strong get / etcd linearizable',
    row: 'get strong',
    against: 'etcd linearizable',
    atLeast: 3,
  },
  {
    what: 'eventual get / etcd serializable',
    row: 'get eventual',
    against: 'etcd serializable',
    atLeast: 4,
  },
]

/** The same pairs, each with one connection. */
export const LATENCIES: readonly LatencyTarget[] = RATIOS.map(({ what, row, against }) => ({
  what,
  row: `${row} alone`,
  against: `${against} alone`,
}))
