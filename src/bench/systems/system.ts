/** The objects of a measurement: a running store, the requests that load it, and the measured figures. */
import type { Dispatcher } from 'undici'

/** What clients need beside the address. */
export interface Access {
  /** Knows the CA of the nodes. */
  readonly dispatcher: Dispatcher
  /** The headers of each request, such as a token. */
  readonly headers: Readonly<Record<string, string>>
}

export interface RunningSystem {
  /** The address of each node that serves clients; the load is spread over them. */
  readonly urls: readonly string[]
  /** Undefined if everybody is let in, without TLS. */
  readonly access?: Access
  /** The process of each node. */
  readonly pids: readonly number[]
  /** Reads the counters of all nodes together; undefined if the system has none that are comparable. */
  readonly readCounters: (() => Promise<NodeCounters>) | undefined
  stop(): Promise<void>
}

/** What the nodes of a system did, all together. */
export interface NodeCounters {
  /** Batches written to disks. */
  readonly commits: number
  /** Messages between nodes, each counted once. */
  readonly messages: number
  /** The frames that carried these messages. */
  readonly frames: number
}

interface AnyWorkload {
  /** Unique in a run. */
  readonly name: string
  /** Whether one connection alone makes the load. */
  readonly isAlone?: true
}

/** One kind of HTTP request. `{key}` in the path or body stands for a random key. */
export interface HttpWorkload extends AnyWorkload {
  readonly via: 'http'
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

/** One kind of request in the own protocol of a store, made by a client library in a separate process. */
export interface ClientWorkload extends AnyWorkload {
  readonly via: 'nats' | 'redis' | 'zookeeper'
  readonly operation: 'put' | 'get'
  readonly value: string
}

export type Workload = HttpWorkload | ClientWorkload

/** The key of this number in every system. */
export function keyName(number: number): string {
  return `key-${number}`
}

/** The same requests from one connection alone. */
export function alone(workload: HttpWorkload): HttpWorkload {
  return { ...workload, name: `${workload.name} alone`, isAlone: true }
}

/** What a load generator reports of one round. */
export interface LoadResult {
  /** Successful answers. */
  readonly answers: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  /** The worst p99 of the processes that made the load. */
  readonly p99Ms: number
  /** Failed requests, timeouts, broken connections. */
  readonly errors: number
  /** The average size of head and body. Load generators report nothing else about answers that they do not check. */
  readonly bytesPerAnswer: number
}

/** The figures of one round. */
export interface Measurement extends LoadResult {
  /**
   * The CPU time, user and system, of all nodes together per successful answer; undefined if the operating system does
   * not report it.
   */
  readonly cpuUs: number | undefined
  /** Per successful answer. */
  readonly counters: NodeCounters | undefined
  /** The resident memory of each node. */
  readonly memoryBytes: readonly number[] | undefined
  /** The share of all processors that other processes used meanwhile. */
  readonly othersShare: number | undefined
}
