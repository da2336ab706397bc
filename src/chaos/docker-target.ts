/**
 * Chaos on the containers of one compose project. Client ports stay published and reachable throughout: only
 * the peer networks, and rules for the peer port, are ever touched.
 *
 * One network fault is on at a time: a new one takes the place of the one before. Killed and paused nodes
 * add up.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { docker, findNodes, type NodeContainer, SeveralProjectsError } from './docker-client.ts'
import { probeContainers } from './docker-probe.ts'
import {
  type DockerNetwork,
  type DockerStep,
  groupNetwork,
  networkSteps,
  peerNetwork,
  reconnectStep,
  removeRulesStep,
  SIDECAR_IMAGE,
} from './docker-steps.ts'
import type { Fault, NetworkFault } from './fault.ts'
import { startKeeper } from './keeper.ts'
import { type Lease, LeaseFile } from './lease-file.ts'
import { unexpectedPairs } from './reach.ts'
import type { ChaosStatus, ChaosTarget } from './target.ts'

export interface DockerTargetOptions {
  /** The checkout: where docker-compose.yml is, and `.chaos` with the leases. */
  readonly directory: string
  readonly project: string | undefined
  /** Of `scripts/chaos.ts`, for the keeper. */
  readonly script: string
}

const PROBE_TIMEOUT_MS = 20_000
const PROBE_PAUSE_MS = 300
const BUILD_TIMEOUT_MS = 300_000
/** How soon a keeper notices that its lease has been healed away. */
const KEEPER_LOOK_MS = 2000
const GROUPS_MAX = 32

/** Undefined where no node of the project has a container, or no engine answers. Errors: `SeveralProjectsError`. */
export async function openDockerTarget(
  options: DockerTargetOptions,
): Promise<DockerTarget | undefined> {
  const nodes = await findNodes(options.directory, options.project).catch((error: unknown) => {
    if (error instanceof SeveralProjectsError) throw error
    return []
  })
  const [first] = nodes
  return first === undefined ? undefined : new DockerTarget(options, first.project)
}

export class DockerTarget implements ChaosTarget {
  readonly name = 'docker'
  readonly about = 'cuts of the Docker networks and links between the containers'
  readonly #options: DockerTargetOptions
  readonly #project: string
  readonly #leases: LeaseFile

  constructor(options: DockerTargetOptions, project: string) {
    this.#options = options
    this.#project = project
    this.#leases = new LeaseFile(`${options.directory}/.chaos`, project)
  }

  async nodes(): Promise<readonly string[]> {
    return (await this.#containers()).map(({ id }) => id)
  }

  async plan(fault: Fault): Promise<readonly string[]> {
    return (await this.#steps(fault)).map(lineOf)
  }

  async planHeal(): Promise<readonly string[]> {
    const nodes = await this.#containers()
    return [...processHealSteps(nodes), ...(await this.#healNetworkSteps(nodes))].map(lineOf)
  }

  async apply(fault: Fault, words: readonly string[], forMs: number): Promise<void> {
    await this.#leases.exclusively(async () => {
      await this.#endExpired()
      if (fault.type === 'groups' || fault.type === 'links') await this.#healNetwork()
      const lease: Lease = { id: randomUUID(), fault, words, untilMs: Date.now() + forMs }
      if (fault.type !== 'restart') {
        this.#leases.write([
          ...this.#leases.read().filter((other) => !replaces(fault, other.fault)),
          lease,
        ])
        startKeeper(this.#options.script, [
          lease.id,
          '--target',
          'docker',
          '--project',
          this.#project,
        ])
      }
      if (fault.type === 'links') await this.#buildSidecar()
      for (const step of await this.#steps(fault)) await docker(step)
      await this.#probe(fault)
    })
  }

  async heal(): Promise<void> {
    await this.#leases.exclusively(async () => {
      this.#leases.write([])
      // Processes first: there are no rules to be removed from a node that does not run.
      for (const step of processHealSteps(await this.#containers())) await docker(step)
      await this.#healNetwork()
      await this.#probeReach(undefined)
    })
  }

  /** For the keeper: sleeps until the lease ends, and undoes it if it is still there. */
  async keep(leaseId: string): Promise<void> {
    for (;;) {
      const lease = this.#leases.read().find(({ id }) => id === leaseId)
      if (lease === undefined) return
      const leftMs = lease.untilMs - Date.now()
      if (leftMs <= 0) break
      await sleep(Math.min(leftMs, KEEPER_LOOK_MS))
    }
    await this.#leases.exclusively(() => this.#endExpired())
  }

  async status(): Promise<ChaosStatus> {
    await this.#leases.exclusively(() => this.#endExpired())
    const nodes = await this.#containers()
    return {
      nodes: nodes.map(({ id, state }) => ({ id, state })),
      reaches: await probeContainers(nodes),
      leases: this.#leases.read().map(({ words, untilMs }) => ({
        fault: words.join(' '),
        endsInMs: Math.max(0, untilMs - Date.now()),
      })),
    }
  }

  /** Undoes leases whose time has come: their keeper's work, or its part when it did not live to do it. */
  async #endExpired(): Promise<void> {
    const leases = this.#leases.read()
    const live = leases.filter(({ untilMs }) => untilMs > Date.now())
    if (live.length === leases.length) return
    const nodes = await this.#containers()
    for (const { fault } of leases.filter((lease) => !live.includes(lease))) {
      if (fault.type === 'groups' || fault.type === 'links') await this.#healNetwork()
      else {
        const hit = nodes.filter(({ id }) => id === fault.node)
        for (const step of processHealSteps(hit)) await docker(step)
      }
    }
    this.#leases.write(live)
  }

  async #healNetwork(): Promise<void> {
    for (const step of await this.#healNetworkSteps(await this.#containers())) await docker(step)
  }

  async #healNetworkSteps(nodes: readonly NodeContainer[]): Promise<DockerStep[]> {
    const network = await this.#network()
    const peers = await membersOf(peerNetwork(network))
    const steps: DockerStep[] = []
    for (const node of nodes)
      if (!peers.has(node.container)) steps.push(reconnectStep(node, network))
    for (let group = 1; group < GROUPS_MAX; group++) {
      const name = groupNetwork(network, group)
      const members = await membersOf(name).catch(() => undefined)
      if (members === undefined) continue
      for (const container of members)
        steps.push(['network', 'disconnect', '--force', name, container])
      steps.push(['network', 'rm', name])
    }
    // Rules are gone with the sidecar's image: nobody has ever made any.
    if (await this.#hasSidecar()) {
      const alive = nodes.filter(({ state }) => state === 'running' || state === 'paused')
      steps.push(...alive.map(removeRulesStep))
    }
    return steps
  }

  async #steps(fault: Fault): Promise<DockerStep[]> {
    const nodes = await this.#containers()
    if (fault.type === 'groups' || fault.type === 'links') {
      return networkSteps(fault, nodes, await this.#network())
    }
    const { container } = nodes.find(({ id }) => id === fault.node) as NodeContainer
    return [fault.type === 'kill' ? ['kill', container] : [fault.type, container]]
  }

  async #probe(fault: Fault): Promise<void> {
    if (fault.type === 'groups' || fault.type === 'links') await this.#probeReach(fault)
    else await this.#probeState(fault.node, STATES[fault.type])
  }

  async #probeReach(fault: NetworkFault | undefined): Promise<void> {
    await retried(async () => {
      const nodes = await this.#containers()
      const matrix = await probeContainers(nodes)
      return unexpectedPairs(
        fault,
        nodes.map(({ id }) => id),
        matrix,
      ).join('; ')
    })
  }

  async #probeState(node: string, wanted: string): Promise<void> {
    await retried(async () => {
      const state = (await this.#containers()).find(({ id }) => id === node)?.state
      return state === wanted ? '' : `${node} is ${state}, not ${wanted}`
    })
  }

  async #buildSidecar(): Promise<void> {
    if (await this.#hasSidecar()) return
    const file = `${this.#options.directory}/docker/chaos.Dockerfile`
    const context = `${this.#options.directory}/docker`
    await docker(
      ['build', '--quiet', '--tag', SIDECAR_IMAGE, '--file', file, context],
      BUILD_TIMEOUT_MS,
    )
  }

  #hasSidecar(): Promise<boolean> {
    return docker(['image', 'inspect', SIDECAR_IMAGE]).then(
      () => true,
      () => false,
    )
  }

  async #network(): Promise<DockerNetwork> {
    const name = peerNetwork({ project: this.#project, range: '' })
    const format = '{{(index .IPAM.Config 0).Subnet}}'
    const subnet = (await docker(['network', 'inspect', name, '--format', format])).trim()
    return { project: this.#project, range: subnet.split('.').slice(0, 2).join('.') }
  }

  #containers(): Promise<NodeContainer[]> {
    return findNodes(this.#options.directory, this.#project)
  }
}

const STATES = { kill: 'exited', pause: 'paused', restart: 'running' } as const

/** Whether a new fault takes the place of an older one: any other network fault, or one of the same node. */
function replaces(fault: Fault, older: Fault): boolean {
  const isNetwork = (one: Fault): boolean => one.type === 'groups' || one.type === 'links'
  if (isNetwork(fault)) return isNetwork(older)
  return 'node' in older && 'node' in fault && older.node === fault.node
}

/** Also for nodes that ended without chaos: a healed cluster runs. */
function processHealSteps(nodes: readonly NodeContainer[]): DockerStep[] {
  return nodes.flatMap(({ container, state }): DockerStep[] => {
    if (state === 'paused') return [['unpause', container]]
    return state === 'running' ? [] : [['start', container]]
  })
}

/** Short ids, as `docker ps` gives them. Stopped containers keep their networks, so both kinds are asked. */
async function membersOf(network: string): Promise<Set<string>> {
  await docker(['network', 'inspect', network, '--format', '{{.Name}}'])
  const ids = await docker(['ps', '--all', '--filter', `network=${network}`, '--format', '{{.ID}}'])
  return new Set(ids.split('\n').filter((id) => id !== ''))
}

/** Until `trouble` is empty, for a bounded time. */
async function retried(trouble: () => Promise<string>): Promise<void> {
  const endMs = Date.now() + PROBE_TIMEOUT_MS
  for (;;) {
    const said = await trouble()
    if (said === '') return
    if (Date.now() > endMs) throw new Error(`the effect did not come: ${said}`)
    await sleep(PROBE_PAUSE_MS)
  }
}

function lineOf(step: DockerStep): string {
  return ['docker', ...step]
    .map((word) => (/^[\w./:=@-]+$/.test(word) ? word : `'${word}'`))
    .join(' ')
}
