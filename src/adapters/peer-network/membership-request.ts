/**
 * A node that is refused because it is no member asks for the topology document that excludes it. The refusal of the
 * handshake names the peer's epoch. If that epoch is newer than the node's own, the node asks the peer for the
 * document. node/topology/removal.ts then decides whether the document really excludes the node.
 */
import { Client } from 'undici'

import type { Connector } from './peer-tls.ts'

/** Serves only nodes that are refused as non-members. The request has the headers of the handshake. */
export const MEMBERSHIP_PATH = '/v1/peer/membership'
/** Above the largest topology document. */
const DOCUMENT_BYTES_MAX = 64 * 1024 * 1024
/** Longer than the timeout of an attempt to dial, because the document may be large. */
const TIMEOUT_MS = 5000

/** The topology that a node shows to nodes that are no peers. */
export interface Membership {
  readonly epoch: number
  readonly document: string
}

/** Undefined if the peer refuses to give the document. Rejects if the peer does not answer. */
export async function askForMembership(
  url: string,
  headers: Record<string, string>,
  connect: Connector,
): Promise<string | undefined> {
  const client = new Client(url, { connect, maxResponseSize: DOCUMENT_BYTES_MAX })
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const request = { method: 'GET', path: MEMBERSHIP_PATH, headers, signal } as const
    const { statusCode, body } = await client.request(request)
    const text = await body.text()
    return statusCode === 200 ? text : undefined
  } finally {
    void client.destroy()
  }
}
