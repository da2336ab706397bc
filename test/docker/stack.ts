/**
 * The five nodes of docker-compose.yml as a project of its own, beside whichever one runs on the usual ports.
 *
 * Its name is fixed, so that what an interrupted run has left is removed by the next one: the reaper of
 * testcontainers, which would do that, cannot be pulled everywhere.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  DockerComposeEnvironment,
  type StartedDockerComposeEnvironment,
  type StartedTestContainer,
  Wait,
} from 'testcontainers'
import { docker } from '../../src/chaos/docker-client.ts'

export const NODES = ['n1', 'n2', 'n3', 'n4', 'n5'] as const
export type NodeId = (typeof NODES)[number]

const PROJECT = 'quorate-test'
const PEER_RANGE = '10.214'
const FIRST_PORT = 18_011
const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '')
const CHAOS_SCRIPT = fileURLToPath(new URL('../../scripts/chaos.ts', import.meta.url))
const START_TIMEOUT_MS = 60_000
const CHAOS_TIMEOUT_MS = 120_000

export interface ChaosEnd {
  readonly exitCode: number | string
  readonly stdout: string
  readonly stderr: string
}

export class Stack {
  readonly #environment: StartedDockerComposeEnvironment

  private constructor(environment: StartedDockerComposeEnvironment) {
    this.#environment = environment
  }

  /** Builds the image, and resolves once every node reaches a quorum. */
  static async start(): Promise<Stack> {
    await removeAll()
    const ports = NODES.map((id) => [`QUORATE_${id.toUpperCase()}_PORT`, String(portOf(id))])
    const environment = await new DockerComposeEnvironment(ROOT, 'docker-compose.yml')
      .withProjectName(PROJECT)
      .withBuild()
      .withEnvironment({ QUORATE_PEER_RANGE: PEER_RANGE, ...Object.fromEntries(ports) })
      .withDefaultWaitStrategy(Wait.forHttp('/readyz', 8080))
      .withStartupTimeout(START_TIMEOUT_MS)
      .up()
    return new Stack(environment)
  }

  /** As published on this machine. */
  url(id: NodeId, path: string): string {
    return `http://127.0.0.1:${portOf(id)}${path}`
  }

  /** `npm run chaos`, as its users run it. */
  async chaos(command: string): Promise<ChaosEnd> {
    const options = { cwd: ROOT, timeout: CHAOS_TIMEOUT_MS }
    try {
      const ended = await promisify(execFile)(process.execPath, chaosArguments(command), options)
      return { exitCode: 0, ...ended }
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
      return { exitCode: code ?? 'killed', stdout, stderr }
    }
  }

  /** The same, for whoever wants to do something to the command itself. */
  startChaos(command: string): ChildProcess {
    return spawn(process.execPath, chaosArguments(command), { cwd: ROOT, stdio: 'ignore' })
  }

  /** Whether a connection from inside one node's container to a port elsewhere comes about, or why it does not. */
  async connect(from: NodeId, host: string, port: number): Promise<string> {
    const script = `
      const socket = require('node:net').connect({ host: '${host}', port: ${port} })
      const end = (said) => { console.log(said); process.exit(0) }
      socket.setTimeout(2000, () => end('timeout'))
      socket.on('connect', () => end('connected'))
      socket.on('error', (error) => end(error.code))`
    return (await this.#container(from).exec(['node', '-e', script])).stdout.trim()
  }

  clientAddress(id: NodeId): string {
    return this.#container(id).getIpAddress(`${PROJECT}_client`)
  }

  /** Whether the peer network of all nodes has this one on it, as Docker says. */
  async isOnPeerNetwork(id: NodeId): Promise<boolean> {
    const format = '{{range .Containers}}{{.IPv4Address}} {{end}}'
    const listed = await docker(['network', 'inspect', `${PROJECT}_peer`, '--format', format])
    return listed.includes(`${PEER_RANGE}.0.1${id.slice(1)}/`)
  }

  async stop(): Promise<void> {
    // A keeper that finds its lease gone ends by itself.
    await this.chaos('heal')
    try {
      await this.#environment.down({ removeVolumes: true })
    } finally {
      await removeAll()
    }
  }

  #container(id: NodeId): StartedTestContainer {
    try {
      return this.#environment.getContainer(`${id}-1`)
    } catch {
      // Compose 1 has another name for it, which testcontainers does not know how to shorten.
      return this.#environment.getContainer(`${PROJECT}_${id}_1`)
    }
  }
}

function portOf(id: NodeId): number {
  return FIRST_PORT + NODES.indexOf(id)
}

function chaosArguments(command: string): string[] {
  return [CHAOS_SCRIPT, ...command.split(' '), '--target', 'docker', '--project', PROJECT]
}

/** Containers first: nothing that they use can be removed before them. */
async function removeAll(): Promise<void> {
  const composed = `label=com.docker.compose.project=${PROJECT}`
  const kinds = [
    { list: ['ps', '--all', '--filter', composed], remove: ['rm', '--force', '--volumes'] },
    { list: ['network', 'ls', '--filter', composed], remove: ['network', 'rm'] },
    {
      list: ['network', 'ls', '--filter', `label=quorate.chaos=${PROJECT}`],
      remove: ['network', 'rm'],
    },
    { list: ['volume', 'ls', '--filter', composed], remove: ['volume', 'rm', '--force'] },
  ]
  for (const { list, remove } of kinds) {
    const ids = (await docker([...list, '--quiet'])).split('\n').filter((id) => id !== '')
    if (ids.length > 0) await docker([...remove, ...ids])
  }
  await rm(`${ROOT}/.chaos/${PROJECT}.json`, { force: true })
}
