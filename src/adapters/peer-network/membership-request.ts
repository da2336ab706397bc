/**
 * How a node that is refused as no member gets the topology document that shows it so. The refusal of the handshake names
 * the epoch of the peer; if that is newer than the node's own, the node asks the peer for the document. Whether the
 * document really excludes the node is decided there (node/topology/removal.ts).
 */
import type { LookupFunction } from 'node:net'
import { Client } from 'undici'

/** For nodes that are refused as no members; with the headers of the handshake. */
export const MEMBERSHIP_PATH = '/v1/peer/membership'
/** Above the largest topology document. */
const DOCUMENT_BYTES_MAX = 64 * 1024 * 1024
const CONNECT_TIMEOUT_MS = 1000
/** Longer than an attempt to dial, because the document may be large. */
const TIMEOUT_MS = 5000

/** What a node shows to those that are no peers. */
export interface Membership {
  readonly epoch: number
  readonly document: string
}

/** Undefined where the peer does not give it. Rejects where it does not answer. */
export async function askForMembership(
  url: string,
  headers: Record<string, string>,
  lookup: LookupFunction,
): Promise<string | undefined> {
  const connect = { timeout: CONNECT_TIMEOUT_MS, lookup }
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
