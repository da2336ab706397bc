/**
 * How two nodes make sure of each other before a connection carries frames: an HTTP upgrade whose headers
 * say who asks whom, of which cluster, in which version of the protocol. The same request without the upgrade
 * is answered with the reason of a refusal, because HTTP clients do not hand on the body of a refused upgrade.
 */
import type { IncomingHttpHeaders } from 'node:http'

export const PEER_PATH = '/v1/peer'
/** Where a node asks to become a member (join-request.ts). */
export const JOIN_PATH = '/v1/peer/join'
export const PROTOCOL = 'quorate-peer/1'
/** Longer identities and reasons are cut where they are shown. */
export const SHOWN_LENGTH_MAX = 200

export interface Introduction {
  readonly from: string
  readonly to: string
  readonly clusterId: string
}

export function introductionHeaders({ from, to, clusterId }: Introduction): Record<string, string> {
  return {
    'quorate-from': from,
    'quorate-to': to,
    'quorate-cluster': clusterId,
    'quorate-protocol': PROTOCOL,
  }
}

/** Why the one who asks is refused; undefined where it is welcome. */
export function refusalOf(
  headers: IncomingHttpHeaders,
  path: string | undefined,
  self: Omit<Introduction, 'to'>,
  isPeer: (id: string) => boolean,
): string | undefined {
  const protocol = headers.upgrade ?? headerOf(headers, 'quorate-protocol')
  if (path !== PEER_PATH || protocol !== PROTOCOL) {
    return `this is a peer port of ${PROTOCOL}, not of ${shown(protocol) || 'HTTP'}`
  }
  const from = headerOf(headers, 'quorate-from')
  const to = headerOf(headers, 'quorate-to')
  if (headerOf(headers, 'quorate-cluster') !== self.clusterId) {
    return `${self.from} belongs to another cluster: its member list differs`
  }
  if (to !== self.from) return `this is ${self.from}, not ${shown(to)}`
  return isPeer(from) ? undefined : `${shown(from)} is not a member`
}

export function headerOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}

export function shown(text: string): string {
  return text.slice(0, SHOWN_LENGTH_MAX)
}
