/**
 * Lets only clients with a certificate of the CA in. Probes of health need none, because Kubernetes has none to show.
 *
 * After a change of the CA, a connection from before gets one more answer, which closes it. So no request fails: the
 * client sends its next request on a new connection. A connection that stays idle is closed after a while, and one that
 * does not end is cut off later.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { QuorateError } from '../../core/errors.ts'
import { certificateFault, type FaultWords } from '../../ports/certificates.ts'

/** Answers that tell a stranger nothing but whether this node runs. */
const PROBES: ReadonlySet<string | undefined> = new Set(['/livez', '/readyz', '/readyz?scope=node'])
/** How long a connection from before a change of the CA may stay idle. */
const IDLE_MS = 15_000
/** After so much more time it ends in any case. An answer without an end, such as a watch, would keep it for ever. */
const BUSY_MS = 60_000

export class ClientCertificates {
  readonly #open = new Set<TLSSocket>()
  readonly #old = new WeakSet<TLSSocket>()
  readonly #endIfIdle: (socket: TLSSocket) => void

  constructor(endIfIdle: (socket: TLSSocket) => void) {
    this.#endIfIdle = endIfIdle
  }

  add(socket: TLSSocket): void {
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
  }

  /** The error, if the client must not get an answer. Call it for each request. */
  refusalOf(request: IncomingMessage, response: ServerResponse): QuorateError | undefined {
    const socket = request.socket as TLSSocket
    if (this.#old.has(socket)) response.shouldKeepAlive = false
    if (socket.authorized || PROBES.has(request.url)) return undefined
    response.shouldKeepAlive = false
    return new QuorateError('certificate_required', reasonOf(socket))
  }

  /** The CA has changed: ends the connections that are open now. */
  endAll(idleMs = IDLE_MS, busyMs = BUSY_MS): void {
    const old = [...this.#open]
    for (const socket of old) this.#old.add(socket)
    setTimeout(() => {
      for (const socket of old) if (this.#open.has(socket)) this.#endIfIdle(socket)
    }, idleMs).unref()
    setTimeout(() => {
      for (const socket of old) socket.destroy()
    }, idleMs + busyMs).unref()
  }
}

const FAULT_WORDS: FaultWords = {
  unknownCa: 'its CA is not known here',
  wrongUsage: 'its extended key usage must allow clientAuth',
}

function reasonOf(socket: TLSSocket): string {
  if (socket.getPeerX509Certificate() === undefined) {
    return 'This node answers only clients that show a certificate, and none came.'
  }
  // Typed as an error, it is the code of one.
  const code = String(socket.authorizationError)
  return `The certificate of the client is refused: ${certificateFault(code, FAULT_WORDS) ?? code}.`
}
