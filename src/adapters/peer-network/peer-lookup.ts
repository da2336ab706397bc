/**
 * Looks up the addresses of peers by name. Nodes dial their peers forever, and in a cut network a lookup may hang for
 * many seconds in one of the few threads that the disk also needs. So at most one lookup runs for each name, few run at
 * once, and the last known address serves meanwhile. A stale address does no harm, because the handshake checks that
 * the right node is there.
 */
import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'

/** Half of the threads that Node.js has for lookups and files. */
export const LOOKUPS_MAX = 2
/** How long a lookup may take before the last known address is used, if there is one. */
const NEWS_WAIT_MS = 100

export type Resolve = (name: string) => Promise<readonly LookupAddress[]>

export function createPeerLookup(resolve: Resolve = systemResolve): LookupFunction {
  const known = new Map<string, readonly LookupAddress[]>()
  const running = new Map<string, Promise<readonly LookupAddress[]>>()
  const waiting: (() => void)[] = []
  let active = 0

  const resolveInTurn = async (name: string): Promise<readonly LookupAddress[]> => {
    if (active >= LOOKUPS_MAX) await new Promise<void>((turn) => waiting.push(turn))
    active++
    try {
      const addresses = await resolve(name)
      known.set(name, addresses)
      return addresses
    } finally {
      active--
      running.delete(name)
      waiting.shift()?.()
    }
  }

  const find = async (name: string): Promise<readonly LookupAddress[]> => {
    const news = running.get(name) ?? resolveInTurn(name)
    running.set(name, news)
    const old = known.get(name)
    if (old === undefined) return news
    let wait: NodeJS.Timeout | undefined
    const patience = new Promise<readonly LookupAddress[]>((give) => {
      wait = setTimeout(() => give(old), NEWS_WAIT_MS)
    })
    return Promise.race([news.catch(() => old), patience]).finally(() => clearTimeout(wait))
  }

  return (name, options, callback) => {
    find(name).then(
      (addresses) => {
        const [first] = addresses
        if (options.all === true) callback(null, [...addresses])
        else callback(null, first?.address ?? '', first?.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    )
  }
}

function systemResolve(name: string): Promise<readonly LookupAddress[]> {
  return new Promise((give, fail) => {
    systemLookup(name, { all: true }, (error, addresses) => {
      if (error === null) give(addresses)
      else fail(error)
    })
  })
}
