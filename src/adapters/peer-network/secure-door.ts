/**
 * Receives connections on a peer port with TLS. A connection without a certificate of the peers' CA reaches no HTTP
 * server: it gets a fixed answer that says why, so that a node with a wrong certificate can log the reason.
 *
 * The first byte tells a TLS handshake from a request without TLS. So one port serves both while the nodes of a cluster
 * are switched to TLS, one after the other.
 */
import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'

import type { Refusal } from '../../ports/network.ts'
import { refusalAnswer } from './handshake.ts'
import { HANDSHAKE_TIMEOUT_MS, type Newcomers } from './newcomers.ts'
import { certificateRefusal, contextOptions, type PeerTls } from './peer-tls.ts'

/** The type of the record with which a TLS client begins. No HTTP request begins with it. */
const TLS_HANDSHAKE = 0x16

export interface SecureDoorOptions {
  readonly tls: PeerTls
  readonly newcomers: Newcomers
  readonly accept: (socket: Socket) => void
  /** Called for each connection that gets no further. */
  readonly refused: (address: string, refusal: Refusal) => void
}

export class SecureDoor {
  readonly #options: SecureDoorOptions
  readonly #server: Server
  /** Connections whose TLS handshake is under way, by the address of their other end. */
  readonly #securing = new Map<string, Socket>()

  constructor(options: SecureDoorOptions) {
    const { certificates } = options.tls
    this.#options = options
    // It never listens itself.
    this.#server = createServer({
      ...contextOptions(certificates.current()),
      requestCert: true,
      // This class refuses them, with the reason.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      ALPNProtocols: ['http/1.1'],
    })
    this.#server.on('secureConnection', (socket) => this.#secured(socket))
    this.#server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      // The other end has given up.
      if (error.code === 'ECONNRESET') return
      const message = `a TLS handshake failed: ${error.message}`
      options.refused(socket.remoteAddress ?? '', { reason: 'protocol', message })
    })
    certificates.onChange((material) => this.#server.setSecureContext(contextOptions(material)))
  }

  /** Newcomers must know the connection already. */
  take(raw: Socket): void {
    raw.once('readable', () => {
      const first = raw.read() as Buffer | null
      // It has ended.
      if (first === null) return
      raw.unshift(first)
      if (first[0] === TLS_HANDSHAKE) this.#secure(raw)
      else if (this.#options.tls.isRequired) this.#refuse(raw, PLAINTEXT)
      else this.#options.accept(raw)
    })
  }

  #secure(raw: Socket): void {
    const end = otherEnd(raw)
    this.#securing.set(end, raw)
    raw.once('close', () => {
      if (this.#securing.get(end) === raw) this.#securing.delete(end)
    })
    this.#server.emit('connection', raw)
  }

  #secured(socket: TLSSocket): void {
    const { newcomers, accept } = this.#options
    const end = otherEnd(socket)
    const raw = this.#securing.get(end)
    if (raw === undefined) {
      // The other end has closed the connection already, and its address is gone with it.
      socket.destroy()
      return
    }
    this.#securing.delete(end)
    newcomers.replace(raw, socket)
    const refusal = certificateRefusal(socket)
    if (refusal === undefined) accept(socket)
    else this.#refuse(socket, refusal)
  }

  /** Answers only after the other end has sent something: HTTP clients drop an answer that comes before the request. */
  #refuse(socket: Socket, refusal: Refusal): void {
    this.#options.refused(socket.remoteAddress ?? '', refusal)
    socket.once('data', () => socket.end(refusalAnswer(refusal)))
  }
}

const PLAINTEXT: Refusal = {
  reason: 'plaintext',
  message: 'nodes must connect with TLS here: set QUORATE_PEER_TLS_CERT, _KEY and _CA',
}

function otherEnd({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}
