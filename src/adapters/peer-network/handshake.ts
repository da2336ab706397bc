/**
 * How two nodes make sure of each other before a connection carries frames: an HTTP upgrade whose headers
 * say who asks whom, of which cluster, in which version of the protocol.
 */
import type { IncomingHttpHeaders } from 'node:http'

export const PEER_PATH = '/v1/peer'
export const PROTOCOL = 'quorate-peer/1'

export interface Introduction {
  readonly from: string
  readonly to: string
  readonly clusterId: string
}

export function introductionHeaders({ from, to, clusterId }: Introduction): Record<string, string> {
  return { 'quorate-from': from, 'quorate-to': to, 'quorate-cluster': clusterId }
}

/** Why the one who asks is refused; undefined where it is welcome. */
export function refusalOf(
  headers: IncomingHttpHeaders,
  url: string | undefined,
  self: Omit<Introduction, 'to'>,
  isPeer: (id: string) => boolean,
): string | undefined {
  if (url !== PEER_PATH || headers.upgrade !== PROTOCOL) return `this is a peer port of ${PROTOCOL}`
  const from = headerOf(headers, 'quorate-from')
  const to = headerOf(headers, 'quorate-to')
  if (headerOf(headers, 'quorate-cluster') !== self.clusterId) {
    return `${self.from} belongs to another cluster: its member list differs`
  }
  if (to !== self.from) return `this is ${self.from}, not ${to}`
  return isPeer(from) ? undefined : `${from} is not a member`
}

export function headerOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}
