/**
 * The containers of `docker compose up` as a target. The command `chaos` makes the faults: it keeps them as leases, and
 * returns only after it has probed their effect.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { whenFilled } from './filled-nodes.ts'
import { type FaultDriver, isFileFault } from '../check-nemesis.ts'
import type { Endpoint } from '../store-client.ts'

const PROJECT_DIR = fileURLToPath(new URL('../../..', import.meta.url)).replace(/[/\\]$/, '')
const CHAOS_SCRIPT = fileURLToPath(new URL('../../../scripts/chaos.ts', import.meta.url))
/** The client port of a node within its container. */
const CLIENT_PORT = 8080
const DOCKER_TIMEOUT_MS = 15_000
/** Long, because healing starts killed containers again, and their nodes read their databases. */
const CHAOS_TIMEOUT_MS = 120_000

/** Arguments of `docker ps` that select the nodes of this project. */
export const PROJECT_LABELS = [
  '--filter',
  'label=quorate.node',
  '--filter',
  `label=com.docker.compose.project.working_dir=${PROJECT_DIR}`,
]

const run = promisify(execFile)

/** The running nodes of this project, in order of their names; none if no Docker engine answers. */
export async function findContainers(): Promise<Endpoint[]> {
  const format = ['{{.Label "quorate.node"}}', '{{.Label "quorate.scheme"}}', '{{.Ports}}']
  const args = ['ps', ...PROJECT_LABELS, '--format', format.join('\t')]
  const listed = await run('docker', args, { timeout: DOCKER_TIMEOUT_MS }).catch(() => undefined)
  return endpointsOf(listed?.stdout ?? '')
}

/**
 * Parses lines like `n1<tab>https<tab>0.0.0.0:8001->8080/tcp, :::8001->8080/tcp`. Without a scheme, it is http. A node
 * without a published port is left out.
 */
export function endpointsOf(listing: string): Endpoint[] {
  const endpoints: Endpoint[] = []
  for (const line of listing.split('\n')) {
    const [node = '', scheme = '', ports = ''] = line.split('\t')
    const port = new RegExp(`:(\\d+)->${CLIENT_PORT}/tcp`).exec(ports)?.[1]
    if (port !== undefined) endpoints.push({ node, url: `${scheme || 'http'}://127.0.0.1:${port}` })
  }
  return endpoints.sort((a, b) => (a.node < b.node ? -1 : 1))
}

/** `tokenFile`: for nodes with QUORATE_AUTH=on. */
export function dockerFaults(tokenFile?: string): FaultDriver {
  const token = tokenFile === undefined ? [] : ['--token-file', tokenFile]
  let isDamaged = false
  return {
    inject: async (command, leaseMs) => {
      isDamaged ||= isFileFault(command)
      await chaos([...command, '--for', `${Math.ceil(leaseMs / 1000)}s`, ...token])
    },
    heal: async () => {
      await chaos(['heal', ...token])
      if (isDamaged) await whenFilled(urlsOf)
      isDamaged = false
    },
  }
}

async function urlsOf(): Promise<Map<string, string>> {
  return new Map((await findContainers()).map(({ node, url }) => [node, url]))
}

async function chaos(command: readonly string[]): Promise<void> {
  const args = [CHAOS_SCRIPT, ...command, '--target', 'docker']
  try {
    await run(process.execPath, args, { cwd: PROJECT_DIR, timeout: CHAOS_TIMEOUT_MS })
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim()
    throw new Error(`chaos ${command.join(' ')} failed: ${said || String(error)}`, { cause: error })
  }
}
