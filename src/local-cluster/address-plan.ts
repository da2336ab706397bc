/**
 * Chooses the addresses of the nodes of a local cluster. All are on 127.0.0.1, so that the cluster is reachable from
 * this machine only.
 *
 * Invariant: all ports in one plan differ.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { PEER_PORT_OFFSET, PORT_MAX } from './cluster-arguments.ts'

export interface NodeAddress {
  readonly id: string
  readonly clientPort: number
  readonly peerPort: number
  readonly clientUrl: string
  readonly peerUrl: string
}

const HOST = '127.0.0.1'
/** Linux gives outgoing connections ports from 32768 on; other systems begin at 49152. */
const FREE_PORT_FIRST = 10_000
const FREE_PORTS = 32_768 - FREE_PORT_FIRST
/** The search ranges of processes with successive ids begin so many ports apart. One test worker needs some hundred. */
const FREE_PORTS_PER_PROCESS = 499

let nextFree = (process.pid * FREE_PORTS_PER_PROCESS) % FREE_PORTS

/** How clients reach the nodes. */
export type Scheme = 'http' | 'https'

/** Puts n1 on `basePort`, n2 on the next port, and so on; 0 finds free ports. */
export async function planAddresses(
  nodes: number,
  basePort: number,
  scheme: Scheme = 'http',
): Promise<NodeAddress[]> {
  const ports = basePort === 0 ? await freePorts(2 * nodes) : []
  return Array.from({ length: nodes }, (_, i) =>
    addressesOf(
      {
        id: `n${i + 1}`,
        clientPort: ports[2 * i] ?? basePort + i,
        peerPort: ports[2 * i + 1] ?? basePort + PEER_PORT_OFFSET + i,
      },
      scheme,
    ),
  )
}

/** The addresses of one more node, such as n6, by the same plan. */
export async function planAddress(
  id: string,
  basePort: number,
  scheme: Scheme = 'http',
): Promise<NodeAddress> {
  const clientPort = basePort + Number(id.slice(1)) - 1
  const peerPort = clientPort + PEER_PORT_OFFSET
  if (basePort > 0 && peerPort <= PORT_MAX) return addressesOf({ id, clientPort, peerPort }, scheme)
  const [free = 0, freePeer = 0] = await freePorts(2)
  return addressesOf({ id, clientPort: free, peerPort: freePeer }, scheme)
}

export function addressesOf(
  node: Pick<NodeAddress, 'id' | 'clientPort' | 'peerPort'>,
  scheme: Scheme,
): NodeAddress {
  const { id, clientPort, peerPort } = node
  const clientUrl = `${scheme}://${HOST}:${clientPort}`
  return { id, clientPort, peerPort, clientUrl, peerUrl: `http://${HOST}:${peerPort}` }
}

/** The first port of the plan on which another process listens, if any. */
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

/** Returns `count` different free ports; see `freePort`. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  return ports
}

/**
 * A port on which no process listens, and which this process has not returned before. It lies below the range of ports
 * that the kernel gives to outgoing connections, and each process begins its search at a different port. So no
 * connection or other search takes the port before a node listens on it, or while that node restarts.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < FREE_PORTS; tried += 1) {
    const port = FREE_PORT_FIRST + nextFree
    nextFree = (nextFree + 1) % FREE_PORTS
    const server = await tryListen(port)
    if (server === undefined) continue
    await close(server)
    return port
  }
  throw new Error('this machine has no free port left')
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
