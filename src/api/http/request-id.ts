/** The id of a request: the client's X-Request-Id if it is well-formed, otherwise a new unique id. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const SANE = /^[A-Za-z0-9._:/+=@~-]{1,128}$/

const ID = Symbol('the id of the request')

/** The id of the client, if it has given a good one; otherwise a new one. */
export type RequestIds = (given?: string | string[]) => string

/** The id of the request, which is the same whenever it is asked for. `newId` comes from `createRequestIds`. */
export function idOfRequest(
  request: IncomingMessage & { [ID]?: string },
  newId: RequestIds,
): string {
  request[ID] ??= newId(request.headers['x-request-id'])
  return request[ID]
}

/** Each new id consists of the node id, a random mark of this process, and a count. */
export function createRequestIds(nodeId: string): RequestIds {
  const start = `${nodeId}-${randomBytes(4).toString('hex')}-`
  let count = 0
  return (given) => {
    if (typeof given === 'string' && SANE.test(given)) return given
    count++
    return start + count.toString(36)
  }
}
