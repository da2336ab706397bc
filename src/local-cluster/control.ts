/**
 * The control socket of a running local cluster, seen from outside: its path, its requests, and a client. Faults are
 * leases that the cluster's supervisor keeps, so they end even if the process that requested them is gone.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { NodeState } from './node-process.ts'

export interface NodeStatus {
  readonly id: string
  readonly pid: number | null
  /** 'killed' by a fault; 'stopped' if it ended by itself. */
  readonly state: NodeState
  readonly clientUrl: string
  readonly peerUrl: string
  readonly dataDir: string
  /** Wall clock in ms since 1970; null without a fault. */
  readonly leaseEndsAtMs: number | null
}

/** A node that was started to join. */
export interface JoinedNode {
  readonly id: string
  readonly clientUrl: string
  /** False if the cluster has not admitted the node yet. The node keeps asking. */
  readonly isMember: boolean
}

export interface ClusterControl extends NodeControl {
  /**
   * Starts one more node, which joins the cluster, or takes the place of the member `replaces`. Resolves when the node
   * is a member, or has asked for a while. The moves of its data continue afterwards.
   */
  join(id: string, replaces: string | undefined): Promise<JoinedNode>
}

export interface NodeControl {
  status(): Promise<NodeStatus[]>
  /** Sends SIGKILL; the node is started again when the lease ends. A killed node gets the new lease. */
  kill(id: string, forMs: number): Promise<void>
  /**
   * Stops the node with SIGTERM and starts it again; also starts a killed or stopped node. Resolves when it answers.
   */
  restart(id: string): Promise<void>
  /** Sends SIGSTOP; the node continues when the lease ends. A paused node gets the new lease. */
  pause(id: string, forMs: number): Promise<void>
  /** Ends all leases now. Resolves when every node that was killed answers again. */
  heal(): Promise<void>
}

/** The content of `<data>/cluster.json`, which describes the cluster that runs there. */
export interface ClusterFile {
  readonly pid: number
  readonly socketPath: string
}

export class ControlError extends Error {
  /** 'not-running': no cluster uses that data directory. 'refused': the cluster refused, and the message says why. */
  readonly code: 'not-running' | 'refused'

  constructor(code: 'not-running' | 'refused', message: string) {
    super(message)
    this.name = 'ControlError'
    this.code = code
  }
}

export const LEASE_MS_MAX = 24 * 60 * 60 * 1000
/** The shortest limit of common systems is 104 bytes, including the final zero byte. */
const SOCKET_PATH_BYTES_MAX = 100
/** Long, because a restart waits for a clean stop and for the first answer. */
const ANSWER_TIMEOUT_MS = 90_000

export function clusterFilePath(dataDir: string): string {
  return join(resolve(dataDir), 'cluster.json')
}

export function socketPathFor(dataDir: string): string {
  const path = join(resolve(dataDir), 'cluster.sock')
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path
  const name = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 24)
  return join(tmpdir(), `quorate-${name}.sock`)
}

/** Each call talks to the cluster that runs on `dataDir` at that time. */
export function openControl(dataDir: string): ClusterControl {
  const ask = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const file = readClusterFile(dataDir)
    if (file === undefined) throw notRunning(dataDir)
    return (await exchange(file.socketPath, { method, path, body, dataDir })) as T
  }
  return {
    status: async () => (await ask<{ nodes: NodeStatus[] }>('GET', '/status')).nodes,
    kill: async (id, forMs) => {
      await ask('POST', `/nodes/${encodeURIComponent(id)}/kill`, { forMs })
    },
    restart: async (id) => {
      await ask('POST', `/nodes/${encodeURIComponent(id)}/restart`)
    },
    pause: async (id, forMs) => {
      await ask('POST', `/nodes/${encodeURIComponent(id)}/pause`, { forMs })
    },
    heal: async () => {
      await ask('POST', '/heal')
    },
    join: (id, replaces) => ask<JoinedNode>('POST', '/join', { id, replaces }),
  }
}

/** Undefined if no cluster was ever started, or the last one ended cleanly. */
export function readClusterFile(dataDir: string): ClusterFile | undefined {
  const path = clusterFilePath(dataDir)
  if (!existsSync(path)) return undefined
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ClusterFile
  } catch {
    // The supervisor ended while it wrote the file.
    return undefined
  }
}

function notRunning(dataDir: string): ControlError {
  return new ControlError('not-running', `no cluster runs on ${dataDir}; start one with: npm start`)
}

interface Exchange {
  readonly method: string
  readonly path: string
  readonly body: object | undefined
  readonly dataDir: string
}

function exchange(socketPath: string, { method, path, body, dataDir }: Exchange): Promise<unknown> {
  return new Promise((done, failed) => {
    const asked = request({ socketPath, method, path, timeout: ANSWER_TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', failed)
      response.on('end', () => {
        const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { error?: string }
        if (response.statusCode === 200) done(answer)
        else failed(new ControlError('refused', answer.error ?? `status ${response.statusCode}`))
      })
    })
    asked.on('timeout', () => {
      asked.destroy(new ControlError('refused', `no answer within ${ANSWER_TIMEOUT_MS / 1000} s`))
    })
    asked.on('error', (error: NodeJS.ErrnoException) => {
      const gone = error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
      failed(gone ? notRunning(dataDir) : error)
    })
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
