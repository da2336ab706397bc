/**
 * Listens on the peer port, at one address or at every present address of this machine in a range (`10.213.0.0/16`).
 * With a range, the listener follows a container from network to network: it listens on addresses that appear and drops
 * those that disappear. Other networks never see the port.
 */
import {
  type AddressInfo,
  BlockList,
  createServer,
  isIPv6,
  type Server,
  type Socket,
} from 'node:net'
import { networkInterfaces } from 'node:os'

import type { Log } from '../../ports/log.ts'

export interface ListenerOptions {
  /** A host name, an address, or a range in CIDR form. */
  readonly host: string
  readonly port: number
  readonly accept: (socket: Socket) => void
  readonly log: Log
}

export interface Listener {
  /** The port of the first address; 0 while there is no address. */
  port(): number
  close(): void
}

const LOOK_INTERVAL_MS = 500

/**
 * Resolves when it listens, or when it finds that the address does not exist yet. A missing address is no error,
 * because a container that restarts while its peer network is cut must still serve its clients. Rejects if the address
 * exists but cannot be used.
 */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const servers = new Map<string, Server>()
  const wanted = addressesOf(options.host)
  let missing = false
  let closed = false
  const look = async (): Promise<void> => {
    const addresses = wanted()
    for (const [address, server] of servers) {
      if (addresses.includes(address)) continue
      servers.delete(address)
      server.close()
      options.log.info({ address }, 'the peer address is gone')
    }
    for (const address of addresses) {
      if (servers.has(address)) continue
      const server = createServer({ noDelay: true }, options.accept)
      try {
        await listenOn(server, address, options.port)
        if (closed) {
          server.close()
          return
        }
        // A connection that cannot be accepted, for example without a free file descriptor, must not end the others.
        server.on('error', (error) =>
          options.log.error({ error: error.message }, 'cannot accept a peer'),
        )
        servers.set(address, server)
        options.log.info({ address, port: options.port }, 'listening for peers')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL') throw error
      }
    }
    if (servers.size === 0 && !missing)
      options.log.warn({ host: options.host }, 'the peer address is not there yet')
    missing = servers.size === 0
  }
  await look()
  let looking: Promise<void> | undefined
  let trouble = ''
  const timer = setInterval(() => {
    looking ??= look()
      .then(
        () => '',
        (error: unknown) => String(error),
      )
      .then((error) => {
        // Log each error once, not at every look.
        if (error !== '' && error !== trouble)
          options.log.error({ error }, 'cannot listen for peers')
        trouble = error
        looking = undefined
      })
  }, LOOK_INTERVAL_MS)
  return {
    port: () => {
      const [server] = servers.values()
      return (server?.address() as AddressInfo | null | undefined)?.port ?? 0
    },
    close: () => {
      closed = true
      clearInterval(timer)
      for (const server of servers.values()) server.close()
    },
  }
}

function addressesOf(host: string): () => string[] {
  if (!host.includes('/')) return () => [host]
  const [network, bits] = host.split('/') as [string, string]
  const range = new BlockList()
  range.addSubnet(network, Number(bits), isIPv6(network) ? 'ipv6' : 'ipv4')
  const inRange = ({ address }: { address: string }): boolean =>
    range.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  return () =>
    Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(inRange)
      .map(({ address }) => address)
}

function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
