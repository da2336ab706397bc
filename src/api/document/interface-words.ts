/** What the interface says of itself in words, for its document, its page and its root. */
import type { Tag } from '../http/endpoint.ts'

export const ABOUT =
  'A replicated key-value store whose consistency is chosen per request, and whose every promise is checked.'

/** What holds for all paths. */
export const NOTES = [
  'Every node answers requests for every key. Values are raw bytes with a Content-Type of their own; everything else ' +
    'is JSON. A JSON body may come as `application/json`, or with the default type of `curl -d`.',
  'An error is a problem document (RFC 9457) with a stable `code`. Its `outcome` is `rejected` if nothing of the ' +
    'request was or will be applied, and `unknown` if it may have been applied. `retryable` says whether the same ' +
    'request may succeed if it is sent again.',
  'Requests on one connection take effect in the order in which they were sent. HEAD is answered wherever GET is. ' +
    'Below `/v1`, unknown query parameters are refused. Send `X-Request-Id` to name a request; every answer carries its id.',
  'A node with `QUORATE_AUTH=on` takes a token with each request, as `Authorization: Bearer TOKEN`, except where it says ' +
    'that no token is needed. Without a valid token the answer is 401; if the token does not give the right, it is 403, ' +
    'whether the key or bucket exists or not.',
]

export const TAGS: Readonly<Record<Tag, string>> = {
  values: 'Values, counters and sets',
  buckets: 'Buckets and their keys',
  access: 'Tokens of clients',
  cluster: 'The members, and where copies are',
  health: 'Probes and metrics',
  about: 'This interface',
}
