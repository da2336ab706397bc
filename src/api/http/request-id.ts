/** The id of a request: the client's X-Request-Id if it is well-formed, otherwise a new unique id. */
import { randomBytes } from 'node:crypto'

const SANE = /^[A-Za-z0-9._:/+=@~-]{1,128}$/

/** Each new id consists of the node id, a random mark of this process, and a count. */
export function createRequestIds(nodeId: string): (given: string | string[] | undefined) => string {
  const start = `${nodeId}-${randomBytes(4).toString('hex')}-`
  let count = 0
  return (given) => {
    if (typeof given === 'string' && SANE.test(given)) return given
    count++
    return start + count.toString(36)
  }
}
