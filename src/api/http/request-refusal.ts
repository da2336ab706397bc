/**
 * Refuses a request for reasons that its head alone shows, whatever its route. It runs first for every request, so it
 * must be cheap for valid requests.
 */
import type { IncomingMessage } from 'node:http'
import { QuorateError } from '../../core/errors.ts'
import type { BrowserGuard } from './browser-guard.ts'
import { isSafe } from './request-order.ts'
import { parseTarget, targetRefusal } from './request-target.ts'

export function requestRefusal(
  request: IncomingMessage,
  guard: BrowserGuard,
): QuorateError | undefined {
  const { headers } = request
  const { path, authority } = parseTarget(request.url ?? '')
  const host = authority ?? headers.host
  return (
    hostFieldRefusal(request) ??
    (host === undefined ? undefined : guard.hostRefusal(host)) ??
    targetRefusal(path) ??
    (isSafe(request) ? undefined : changeRefusal(request, host ?? '', guard))
  )
}

/** HTTP/1.1 requires exactly one Host header (RFC 9112, section 3.2). With two, a proxy and a server could disagree. */
function hostFieldRefusal({
  httpVersion,
  headers,
  rawHeaders,
}: IncomingMessage): QuorateError | undefined {
  if (headers.host === undefined) {
    if (httpVersion !== '1.1') return undefined
    return new QuorateError('bad_request', 'The request has no Host header.')
  }
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') count++
  }
  if (count === 1) return undefined
  return new QuorateError('bad_request', 'The request has more than one Host header.')
}

function changeRefusal(
  { headers, socket }: IncomingMessage,
  host: string,
  guard: BrowserGuard,
): QuorateError | undefined {
  if (headers['content-range'] !== undefined) {
    return new QuorateError(
      'partial_write',
      'A request with Content-Range is refused: a value is always written whole.',
    )
  }
  return guard.originRefusal(headers, host, 'encrypted' in socket)
}
