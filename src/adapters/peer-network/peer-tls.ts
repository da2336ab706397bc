/**
 * TLS between nodes. Each end shows a certificate that a CA of the peers has signed and that names its node id as a DNS
 * name. The addresses of peers stay `http://…`: a setting decides whether this node dials with TLS.
 */
import { constants, type X509Certificate } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect, createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { buildConnector } from 'undici'

import { assert } from '../../core/assert.ts'
import {
  certificateFault,
  type CertificateSource,
  type FaultWords,
  type KeyMaterial,
} from '../../ports/certificates.ts'
import type { Refusal } from '../../ports/network.ts'
import { namesHost } from '../tls/pem-certificates.ts'
import { RefusedError, shown } from './handshake.ts'

export interface PeerTls {
  readonly certificates: CertificateSource
  /** Whether every link must have TLS. Otherwise links without TLS are accepted, and tried if TLS fails. */
  readonly isRequired: boolean
  /** After so long TLS is tried again for a link without TLS; a minute if left out. */
  readonly retryMs?: number
}

export interface DialMode {
  readonly lookup: LookupFunction
  /** Bounds the TCP connection alone. */
  readonly connectTimeoutMs: number
  /** Bounds the TLS handshake. The peer's process must take part in it, so it may take longer. */
  readonly handshakeTimeoutMs: number
  /** Undefined to dial without TLS. */
  readonly tls: PeerTls | undefined
  /** The node that must answer; undefined if any node of the CA may. */
  readonly node: string | undefined
}

export type Connector = buildConnector.connector

/** The option `connect` of an undici client. With TLS it fails with a `RefusedError` if the certificate is wrong. */
export function connectorOf(mode: DialMode): Connector {
  const { lookup, connectTimeoutMs, tls } = mode
  const plain = buildConnector({ timeout: connectTimeoutMs, lookup })
  if (tls === undefined) return plain
  return (options, callback) => {
    plain(options, (...[error, raw]) => {
      if (error !== null) callback(error, null)
      else secure(raw, mode, tls, callback)
    })
  }
}

function secure(
  raw: Duplex,
  { node, handshakeTimeoutMs }: DialMode,
  tls: PeerTls,
  callback: buildConnector.Callback,
): void {
  const socket: TLSSocket = connect({
    socket: raw,
    secureContext: contextOf(tls.certificates.current()),
    ALPNProtocols: ['http/1.1'],
    // Also where a variable of Node.js says otherwise for all of the process.
    rejectUnauthorized: true,
    ...(node === undefined ? {} : { servername: node }),
    // Node.js would compare the certificate with the host name.
    checkServerIdentity: () => {
      const refusal = node === undefined ? undefined : nameRefusal(socket, node)
      return refusal && new RefusedError('self', refusal)
    },
  })
  const timer = setTimeout(() => {
    socket.destroy(new Error('no answer to the TLS handshake'))
  }, handshakeTimeoutMs)
  const fail = (error: Error): void => {
    clearTimeout(timer)
    callback(dialError(error, tls.isRequired), null)
  }
  socket.once('error', fail)
  socket.once('secureConnect', () => {
    clearTimeout(timer)
    socket.off('error', fail)
    callback(null, socket)
  })
}

/** The options of a TLS context of this end. Sessions are not resumed, so that each connection shows its certificate. */
export function contextOptions({ cert, key, ca }: KeyMaterial): {
  cert: string
  key: string
  ca: string
  minVersion: 'TLSv1.3'
  secureOptions: number
} {
  // Node.js would take the public CAs instead.
  assert(ca !== undefined, 'peers have a CA')
  return {
    cert,
    key,
    ca,
    minVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}

const CONTEXTS = new WeakMap<KeyMaterial, SecureContext>()

function contextOf(material: KeyMaterial): SecureContext {
  const known = CONTEXTS.get(material) ?? createSecureContext(contextOptions(material))
  CONTEXTS.set(material, known)
  return known
}

/** The refusal, if the other end of the connection has a certificate that does not name this node. */
export function nameRefusal(socket: Duplex, node: string): Refusal | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const certificate = socket.getPeerX509Certificate()
  if (certificate !== undefined && namesHost(certificate, node)) return undefined
  const message = `the certificate of ${shown(node)} must name it as a DNS name, and names ${namesOf(certificate)}`
  return { reason: 'certificate', message }
}

function namesOf(certificate: X509Certificate | undefined): string {
  return shown(certificate?.subjectAltName ?? 'nothing')
}

const FAULT_WORDS: FaultWords = {
  unknownCa: 'no CA of QUORATE_PEER_TLS_CA has signed it',
  wrongUsage: 'its extended key usage must allow both serverAuth and clientAuth',
}

/** Why this end does not accept the certificate of a connection that has come in; undefined if it does. */
export function certificateRefusal(socket: TLSSocket): Refusal | undefined {
  if (socket.authorized) return undefined
  const certificate = socket.getPeerX509Certificate()
  // Typed as an error, it is the code of one.
  const code = String(socket.authorizationError)
  const message =
    certificate === undefined
      ? 'a peer must show a certificate, and none came'
      : `the certificate that names ${namesOf(certificate)} is refused: ${certificateFault(code, FAULT_WORDS) ?? code}`
  return { reason: 'certificate', message }
}

/** Why a connection that was opened with TLS came to nothing. */
function dialError(error: NodeJS.ErrnoException, isRequired: boolean): Error {
  const { code = '', message } = error
  const fault = certificateFault(code, FAULT_WORDS)
  if (fault !== undefined) {
    const words = `the certificate of the peer is refused: ${fault}`
    return new RefusedError('self', { reason: 'certificate', message: words })
  }
  if (ENDED.test(message)) return new CutShortError('the connection ended in the TLS handshake')
  if (!NOT_TLS.test(message)) return error
  if (!isRequired) return new WithoutTlsError('the peer answers without TLS: trying without it')
  return new RefusedError('self', { reason: 'plaintext', message: 'the peer answers without TLS' })
}

/** What OpenSSL says of an answer in plain HTTP. */
const NOT_TLS = /wrong version number|packet length too long/i
/** What Node.js says of a connection that ends in the handshake. */
const ENDED = /before secure TLS connection/i

class WithoutTlsError extends Error {}

/** The peer may be without TLS, or may just be stopping. */
export class CutShortError extends Error {}

/** Whether the next attempt may go without TLS, where TLS is not required. A peer that is down may have it. */
export function mayGoPlain(error: unknown): boolean {
  if (error instanceof RefusedError) return error.refusal.reason === 'certificate'
  return error instanceof WithoutTlsError
}
