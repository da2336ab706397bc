/** The id of a request: the client's own X-Request-Id where it is sane, else one that no other request has. */
import { randomBytes } from 'node:crypto'

const SANE = /^[A-Za-z0-9._:/+=@~-]{1,128}$/

/** Ids of one process: node id, a random mark of this start, and a count. */
export function createRequestIds(nodeId: string): (given: string | string[] | undefined) => string {
  const start = `${nodeId}-${randomBytes(4).toString('hex')}-`
  let count = 0
  return (given) => {
    if (typeof given === 'string' && SANE.test(given)) return given
    count++
    return start + count.toString(36)
  }
}
