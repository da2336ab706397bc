/**
 * Probes the containers. A connection from inside each container to the peer port of each other one shows who reaches
 * whom. The metrics of a node show its clock.
 */
import { docker, type NodeContainer } from './docker-client.ts'
import type { ReachMatrix } from './chaos-target.ts'

const PEER_PORT = 7080
const CONNECT_TIMEOUT_MS = 1000
const PROBE_TIMEOUT_MS = 60_000

/**
 * Connects to all nodes at once, and prints which it reached. It runs in the node's container, so it uses its network.
 */
const SCRIPT = `
const { connect } = require('node:net')
const ids = process.argv.slice(1)
Promise.all(ids.map((id) => new Promise((resolve) => {
  const socket = connect({ host: id + '.peer', port: ${PEER_PORT} })
  const end = (reached) => { socket.destroy(); resolve([id, reached]) }
  socket.setTimeout(${CONNECT_TIMEOUT_MS}, () => end(false))
  socket.on('connect', () => end(true))
  socket.on('error', () => end(false))
}))).then((reached) => { console.log(JSON.stringify(Object.fromEntries(reached))); process.exit(0) })
`

/**
 * The token comes by the environment, because other processes can read arguments. The script asks its own container, so
 * it need not know the CA of the certificate.
 */
const METRICS_SCRIPT = `
const { QUORATE_TOKEN: token, QUORATE_TLS_CERT: certificate } = process.env
const headers = token ? { authorization: 'Bearer ' + token } : {}
const { get } = require(certificate ? 'node:https' : 'node:http')
const options = { host: '127.0.0.1', port: 8080, path: '/metrics', headers, rejectUnauthorized: false }
get(options, (response) => response.pipe(process.stdout))
`

/** Has a row for each running node. The columns include nodes that do not run. */
export async function probeContainers(nodes: readonly NodeContainer[]): Promise<ReachMatrix> {
  const matrix: Record<string, Record<string, boolean>> = {}
  const probe = async ({ id, container, state }: NodeContainer): Promise<void> => {
    if (state !== 'running') return
    const others = nodes.map((node) => node.id).filter((other) => other !== id)
    const output = await docker(['exec', container, 'node', '-e', SCRIPT, ...others])
    matrix[id] = JSON.parse(output) as Record<string, boolean>
  }
  await Promise.all(nodes.map(probe))
  return matrix
}

/** The text of a node's metrics. */
export function metricsOf(
  { container }: NodeContainer,
  token: string | undefined,
): Promise<string> {
  const args = ['exec', '--env', 'QUORATE_TOKEN', container, 'node', '-e', METRICS_SCRIPT]
  return docker(args, PROBE_TIMEOUT_MS, { QUORATE_TOKEN: token ?? '' })
}
