/**
 * The server of HTTPS. A client that speaks plain HTTP here gets an answer that says so, instead of a closed connection:
 * the first byte tells a TLS handshake from a request.
 */
import { constants } from 'node:crypto'
import { Server as HttpsServer, type ServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import type { TlsOptions, TLSSocket } from 'node:tls'
import type { CertificateSource, KeyMaterial } from '../../ports/certificates.ts'

/** How long the first byte of a connection may take, and then the TLS handshake. */
const HANDSHAKE_MS = 10_000

export interface HttpsOptions {
  readonly http: ServerOptions
  readonly certificates: CertificateSource
  /** Answers a connection on which a client speaks plain HTTP. */
  readonly refusePlain: (socket: Socket) => void
}

export class SecureServer extends HttpsServer {
  /** Connections whose TLS handshake has not ended, by the address of their other end. */
  readonly #newcomers = new Map<string, Socket>()

  constructor({ http, certificates, refusePlain }: HttpsOptions) {
    const material = certificates.current()
    super({
      ...http,
      ...contextOptions(material),
      requestCert: material.ca !== undefined,
      // ClientCertificates refuses them, with the reason, because probes need no certificate.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
    })
    certificates.onChange((changed) => this.setSecureContext(contextOptions(changed)))
    const [secure] = this.listeners('connection')
    this.removeAllListeners('connection')
    this.on('connection', (socket: Socket) => {
      this.#admit(socket)
      socket.once('readable', () => {
        const first = socket.read() as Buffer | null
        // It has ended.
        if (first === null) return
        socket.setTimeout(0)
        socket.unshift(first)
        if (isLetter(first[0])) refusePlain(socket)
        else secure?.call(this, socket)
      })
    })
    this.on('secureConnection', (socket: TLSSocket) => this.#newcomers.delete(otherEnd(socket)))
  }

  /** How many connections have a handshake under way. */
  get newcomerCount(): number {
    return this.#newcomers.size
  }

  /** Ends the connections whose handshake is under way: a server that closes would wait for them. */
  endNewcomers(): void {
    for (const socket of this.#newcomers.values()) socket.destroy()
  }

  #admit(socket: Socket): void {
    const end = otherEnd(socket)
    this.#newcomers.set(end, socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      if (this.#newcomers.get(end) === socket) this.#newcomers.delete(end)
    })
    socket.setTimeout(HANDSHAKE_MS, () => socket.destroy())
  }
}

/** If clients show certificates, sessions are not resumed, so that each connection shows its certificate. */
function contextOptions({ cert, key, ca }: KeyMaterial): TlsOptions {
  return ca === undefined
    ? { cert, key }
    : { cert, key, ca, secureOptions: constants.SSL_OP_NO_TICKET }
}

/** Methods of HTTP begin with a letter. */
function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x41 && byte <= 0x5a
}

function otherEnd({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}
