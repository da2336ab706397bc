/**
 * The connections of clients, so that a server that stops can end each of them without a lost answer.
 *
 * If a server just closes an idle connection, it may cut off a request that is on its way. The client then cannot know
 * whether the request was applied. So this server first answers with 408: the answer of a request on its way, if there is
 * one. Such a request is dropped unread. Otherwise the client sees an idle connection end.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { QuorateError } from '../../core/errors.ts'
import { answerConnection, isEnded } from './client-error.ts'
import { lastUnanswered } from './request-order.ts'

/** The most connections that a node accepts unless it is told otherwise. */
const CONNECTIONS_MAX = 10_000

export class Connections {
  readonly #open = new Set<Socket>()
  readonly #requestId: () => string
  /** Counts of connections that cannot carry requests yet, because their TLS handshake is under way. */
  readonly #arriving: (() => number)[] = []
  #isDraining = false
  /** The answer after which each connection ends. */
  readonly #last = new WeakMap<Socket, ServerResponse>()

  constructor(requestId: () => string) {
    this.#requestId = requestId
  }

  add(socket: Socket): void {
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
  }

  /** Also counts connections that have not been added yet. */
  watchArriving(count: () => number): void {
    this.#arriving.push(count)
  }

  /** Whether no request can be under way, or on its way behind a handshake. */
  get isEmpty(): boolean {
    return this.#open.size === 0 && this.#arriving.every((count) => count() === 0)
  }

  get count(): number {
    return this.#open.size
  }

  /** How many have a request that is not answered. */
  get busyCount(): number {
    return [...this.#open].filter(isBusy).length
  }

  /** A request has come, perhaps while earlier ones of its connection are unanswered. */
  began(response: ServerResponse): void {
    if (this.#isDraining) this.#endAfter(response.req.socket, response)
  }

  /** From now on the last answer of each connection says that it is the last one. */
  drain(): void {
    this.#isDraining = true
    for (const socket of this.#open) {
      const response = lastUnanswered(socket)
      if (response !== undefined) this.#endAfter(socket, response)
    }
  }

  /** Ends the connections without a request under way. */
  endIdle(): void {
    for (const socket of this.#open) this.endIfIdle(socket)
  }

  endIfIdle(socket: Socket): void {
    if (!isBusy(socket) && !isEnded(socket)) answerConnection(socket, idle(), this.#requestId())
  }

  #endAfter(socket: Socket, response: ServerResponse): void {
    // The client has sent another request since, and that one must be answered, too.
    const before = this.#last.get(socket)
    if (before !== undefined && !before.headersSent) before.shouldKeepAlive = true
    if (!response.shouldKeepAlive) return
    response.shouldKeepAlive = false
    this.#last.set(socket, response)
  }
}

function isBusy(socket: Socket): boolean {
  return lastUnanswered(socket) !== undefined
}

function idle(): QuorateError {
  const message = 'This connection is closed. No request on it was read: send it again on another.'
  return new QuorateError('request_timeout', message)
}

/**
 * Half of the limit of open files, at most CONNECTIONS_MAX. The other half is left for the database and the peers, because
 * idle clients must not use up the descriptors that storing a write needs.
 */
export function connectionsMax(): number {
  const report = process.report as typeof process.report & { excludeNetwork: boolean }
  // Without this, the report would look up the host names of all connections.
  report.excludeNetwork = true
  const { userLimits } = report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } }
  }
  const openFilesMax = Number(userLimits?.open_files?.soft)
  return openFilesMax > 0
    ? Math.min(CONNECTIONS_MAX, Math.floor(openFilesMax / 2))
    : CONNECTIONS_MAX
}
