/**
 * Which addresses the nodes of a local cluster get. All on 127.0.0.1: a cluster for trying things out is
 * reachable from this machine alone.
 *
 * Invariant: no two of the ports in one plan are the same.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { PEER_PORT_OFFSET, PORT_MAX } from './cluster-arguments.ts'

export interface NodeAddress {
  readonly id: string
  readonly clientPort: number
  readonly peerPort: number
  readonly clientUrl: string
  readonly peerUrl: string
}

const HOST = '127.0.0.1'

/** n1 on `basePort`, n2 on the next, …; 0 finds free ports. */
export async function planAddresses(nodes: number, basePort: number): Promise<NodeAddress[]> {
  const ports = basePort === 0 ? await freePorts(2 * nodes) : []
  return Array.from({ length: nodes }, (_, i) =>
    addressesOf({
      id: `n${i + 1}`,
      clientPort: ports[2 * i] ?? basePort + i,
      peerPort: ports[2 * i + 1] ?? basePort + PEER_PORT_OFFSET + i,
    }),
  )
}

/** Of one more node, n6 or so, after the same plan. */
export async function planAddress(id: string, basePort: number): Promise<NodeAddress> {
  const clientPort = basePort + Number(id.slice(1)) - 1
  const peerPort = clientPort + PEER_PORT_OFFSET
  if (basePort > 0 && peerPort <= PORT_MAX) return addressesOf({ id, clientPort, peerPort })
  const [free = 0, freePeer = 0] = await freePorts(2)
  return addressesOf({ id, clientPort: free, peerPort: freePeer })
}

export function addressesOf(
  node: Pick<NodeAddress, 'id' | 'clientPort' | 'peerPort'>,
): NodeAddress {
  const { id, clientPort, peerPort } = node
  const clientUrl = `http://${HOST}:${clientPort}`
  return { id, clientPort, peerPort, clientUrl, peerUrl: `http://${HOST}:${peerPort}` }
}

/** The first port of the plan that something else listens on, if any. */
export async function findTakenPort(
  plan: readonly NodeAddress[],
): Promise<{ readonly id: string; readonly port: number } | undefined> {
  for (const { id, clientPort, peerPort } of plan) {
    for (const port of [clientPort, peerPort]) {
      const server = await tryListen(port)
      if (server === undefined) return { id, port }
      await close(server)
    }
  }
  return undefined
}

/** All held at once, so that they differ; a port found free may be taken again before a node binds it. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = []
  try {
    for (let i = 0; i < count; i += 1) {
      const server = await tryListen(0)
      if (server === undefined) throw new Error('this machine has no free port left')
      servers.push(server)
    }
    return servers.map((server) => (server.address() as AddressInfo).port)
  } finally {
    await Promise.all(servers.map(close))
  }
}

async function tryListen(port: number): Promise<Server | undefined> {
  const server = createServer()
  server.listen({ port, host: HOST, exclusive: true })
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE' || code === 'EACCES') return undefined
    throw error
  }
}

async function close(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}
