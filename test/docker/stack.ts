/**
 * The five nodes of docker-compose.yml as a separate project with its own name, ports and range of addresses, so that
 * it can run beside other projects.
 *
 * Its name contains the id of this process, so that the next run recognises and removes what an interrupted run has
 * left. The reaper of testcontainers would do that, but its image cannot be pulled everywhere.
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
import { freePorts } from '../../src/local-cluster/address-plan.ts'
import { docker } from '../../src/chaos/docker-client.ts'

export const NODES = ['n1', 'n2', 'n3', 'n4', 'n5'] as const
export type NodeId = (typeof NODES)[number]

const PROJECT_PREFIX = 'quorate-test-'
/** The first second number of addresses that tests may use: 10.214 and higher. */
const RANGE_FIRST = 214
const RANGE_LAST = 254
const PROJECT_LABEL = 'com.docker.compose.project'
const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '')
const CHAOS_SCRIPT = fileURLToPath(new URL('../../scripts/chaos.ts', import.meta.url))
const IMAGE = 'quorate:local'
const START_TIMEOUT_MS = 120_000
const CHAOS_TIMEOUT_MS = 120_000

export interface ChaosEnd {
  readonly exitCode: number | string
  readonly stdout: string
  readonly stderr: string
}

export class Stack {
  /** The name of the compose project. */
  readonly project: string
  readonly #range: string
  readonly #ports: readonly number[]
  readonly #environment: StartedDockerComposeEnvironment

  private constructor(
    project: string,
    range: string,
    ports: readonly number[],
    environment: StartedDockerComposeEnvironment,
  ) {
    this.project = project
    this.#range = range
    this.#ports = ports
    this.#environment = environment
  }

  /** Builds the image, and resolves once every node reaches a quorum. */
  static async start(): Promise<Stack> {
    for (const left of await leftProjects()) await removeAll(left)
    const project = `${PROJECT_PREFIX}${process.pid}`
    const range = await freeRange()
    const ports = await freePorts(NODES.length)
    try {
      const environment = await new DockerComposeEnvironment(ROOT, 'docker-compose.yml')
        .withProjectName(project)
        .withBuild()
        .withEnvironment(variablesOf(range, ports))
        .withDefaultWaitStrategy(Wait.forHttp('/readyz', 8080))
        .withStartupTimeout(START_TIMEOUT_MS)
        .up()
      return new Stack(project, range, ports, environment)
    } catch (error) {
      await removeAll(project)
      throw error
    }
  }

  /** With these variables, `docker compose` acts on this project alone. */
  get environment(): Readonly<Record<string, string>> {
    return { COMPOSE_PROJECT_NAME: this.project, ...variablesOf(this.#range, this.#ports) }
  }

  /** The address of a path at the published port of a node. */
  url(id: NodeId, path: string): string {
    return `http://127.0.0.1:${this.#ports[NODES.indexOf(id)]}${path}`
  }

  /** Runs `npm run chaos` like a user. */
  async chaos(command: string): Promise<ChaosEnd> {
    const options = { cwd: ROOT, timeout: CHAOS_TIMEOUT_MS }
    try {
      const ended = await promisify(execFile)(
        process.execPath,
        this.#chaosArguments(command),
        options,
      )
      return { exitCode: 0, ...ended }
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
      return { exitCode: code ?? 'killed', stdout, stderr }
    }
  }

  /** Starts the same command, for tests that act on its process. */
  startChaos(command: string): ChildProcess {
    return spawn(process.execPath, this.#chaosArguments(command), { cwd: ROOT, stdio: 'ignore' })
  }

  /** Connects from inside one node's container to a port elsewhere. Resolves with the result or the error. */
  async connect(from: NodeId, host: string, port: number): Promise<string> {
    const script = `
      const socket = require('node:net').connect({ host: '${host}', port: ${port} })
      const end = (said) => { console.log(said); process.exit(0) }
      socket.setTimeout(2000, () => end('timeout'))
      socket.on('connect', () => end('connected'))
      socket.on('error', (error) => end(error.code))`
    return (await this.#container(from).exec(['node', '-e', script])).stdout.trim()
  }

  containerOf(id: NodeId): string {
    return this.#container(id).getId()
  }

  clientAddress(id: NodeId): string {
    return this.#container(id).getIpAddress(`${this.project}_client`)
  }

  /** Whether Docker lists this node on the common peer network. */
  async isOnPeerNetwork(id: NodeId): Promise<boolean> {
    const format = '{{range .Containers}}{{.IPv4Address}} {{end}}'
    const listed = await docker(['network', 'inspect', `${this.project}_peer`, '--format', format])
    return listed.includes(`${this.#range}.0.1${id.slice(1)}/`)
  }

  /** Disconnects a node from the peer network and reconnects it by hand, without its alias and its pinned address. */
  async reconnectByHand(id: NodeId): Promise<void> {
    const container = this.#container(id).getId()
    await docker(['network', 'disconnect', `${this.project}_peer`, container])
    await docker(['network', 'connect', `${this.project}_peer`, container])
  }

  /** Names of the networks that chaos has made and not yet removed. */
  chaosNetworks(): Promise<string> {
    const label = `label=quorate.chaos=${this.project}`
    return docker(['network', 'ls', '--filter', label, '--format', '{{.Name}}'])
  }

  /** Stops a node, removes every hint from its volume, and starts it again. Resolves with the number of hints. */
  async dropHints(id: NodeId): Promise<number> {
    const container = this.#container(id).getId()
    await docker(['stop', container])
    const script = `
      const { Level } = await import('level')
      const database = new Level('/data/db')
      let dropped = 0
      for await (const key of database.keys({ gte: 'h/', lt: 'h0' })) {
        await database.del(key)
        dropped++
      }
      await database.close()
      console.log(dropped)`
    const volume = `${this.project}_${id}:/data`
    const run = ['run', '--rm', '--network', 'none', '--volume', volume, IMAGE]
    const dropped = await docker([...run, 'node', '--input-type=module', '--eval', script])
    await docker(['start', container])
    return Number(dropped)
  }

  async stop(): Promise<void> {
    // A keeper that finds its lease gone ends by itself.
    await this.chaos('heal')
    try {
      await this.#environment.down({ removeVolumes: true })
    } finally {
      await removeAll(this.project)
    }
  }

  #container(id: NodeId): StartedTestContainer {
    try {
      return this.#environment.getContainer(`${id}-1`)
    } catch {
      // Compose 1 has another name for it, which testcontainers does not know how to shorten.
      return this.#environment.getContainer(`${this.project}_${id}_1`)
    }
  }

  #chaosArguments(command: string): string[] {
    const words = command.split(' ')
    return [CHAOS_SCRIPT, ...words, '--target', 'docker', '--project', this.project]
  }
}

/** The variables of docker-compose.yml. */
function variablesOf(range: string, ports: readonly number[]): Record<string, string> {
  const published = NODES.map((id, i) => [`QUORATE_${id.toUpperCase()}_PORT`, String(ports[i])])
  return { QUORATE_PEER_RANGE: range, ...Object.fromEntries(published) }
}

/** The projects of processes that are gone. */
async function leftProjects(): Promise<Set<string>> {
  const left = new Set<string>()
  for (const list of [
    ['ps', '--all'],
    ['network', 'ls'],
    ['volume', 'ls'],
  ]) {
    const names = await docker([...list, '--format', `{{.Label "${PROJECT_LABEL}"}}`])
    for (const name of names.split('\n'))
      if (name.startsWith(PROJECT_PREFIX) && !isAlive(Number(name.slice(PROJECT_PREFIX.length))))
        left.add(name)
  }
  return left
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The first two numbers of addresses that no network of this engine uses. */
async function freeRange(): Promise<string> {
  const ids = (await docker(['network', 'ls', '--quiet'])).split('\n').filter((id) => id !== '')
  const format = '{{range .IPAM.Config}}{{.Subnet}} {{end}}'
  const used = await docker(['network', 'inspect', ...ids, '--format', format])
  for (let second = RANGE_FIRST; second <= RANGE_LAST; second++)
    if (!used.includes(`10.${second}.`)) return `10.${second}`
  throw new Error(`all of 10.${RANGE_FIRST} to 10.${RANGE_LAST} are taken by Docker networks`)
}

/** Removes the containers first, because the objects that they use cannot be removed before them. */
async function removeAll(project: string): Promise<void> {
  const composed = `label=${PROJECT_LABEL}=${project}`
  const kinds = [
    { list: ['ps', '--all', '--filter', composed], remove: ['rm', '--force', '--volumes'] },
    { list: ['network', 'ls', '--filter', composed], remove: ['network', 'rm'] },
    {
      list: ['network', 'ls', '--filter', `label=quorate.chaos=${project}`],
      remove: ['network', 'rm'],
    },
    { list: ['volume', 'ls', '--filter', composed], remove: ['volume', 'rm', '--force'] },
  ]
  for (const { list, remove } of kinds) {
    const ids = (await docker([...list, '--quiet'])).split('\n').filter((id) => id !== '')
    if (ids.length > 0) await docker([...remove, ...ids])
  }
  await rm(`${ROOT}/.chaos/${project}.json`, { force: true })
}
