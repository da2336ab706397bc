/**
 * Chaos on the containers of one compose project. It changes only the peer networks and rules for the peer port, so
 * client ports stay reachable.
 *
 * One network fault is on at a time; a new one replaces it. Killed and paused nodes add up.
 *
 * Invariant: a lease is written before its fault is made, and is removed only after the fault is undone.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { clockTrouble } from './clock-fault.ts'
import { docker, findNodes, type NodeContainer } from './docker-client.ts'
import { metricsOf, probeContainers } from './docker-probe.ts'
import {
  type DockerStep,
  hasNamespace,
  fileSteps,
  healProcessSteps,
  lineOf,
  networkSteps,
  processSteps,
  SIDECAR_IMAGE,
  skewStep,
  unskewStep,
} from './docker-steps.ts'
import type { ClockFault, Fault, NetworkFault } from './chaos-fault.ts'
import { startKeeper } from './keeper.ts'
import { type Lease, LeaseFile } from './lease-file.ts'
import { findPeerNetwork, hasSidecar, rejoinSteps, unruleSteps } from './peer-networks.ts'
import { unexpectedPairs } from './reach.ts'
import type { ChaosStatus, ChaosTarget } from './chaos-target.ts'

export interface DockerTargetOptions {
  /** The directory of the checkout. It holds docker-compose.yml, and `.chaos` with the leases. */
  readonly directory: string
  readonly project: string | undefined
  /** The path of `scripts/chaos.ts`, which the keeper runs. */
  readonly script: string
  /** For nodes with QUORATE_AUTH=on. */
  readonly token: string | undefined
}

const PROBE_TIMEOUT_MS = 20_000
const PROBE_PAUSE_MS = 300
/** Bounds the build of the sidecar image. Every other step takes seconds. */
const BUILD_TIMEOUT_MS = 300_000
const STEP_TIMEOUT_MS = 60_000
/** How soon a keeper notices that its lease has been healed. */
const KEEPER_LOOK_MS = 2000
/** The Docker engine may not answer when a lease ends. After so many attempts, the next command undoes the rest. */
const KEEPER_ATTEMPTS_MAX = 60
/** A killed command may have left a running step, which can undo a part of the first attempt. */
const HEAL_ATTEMPTS_MAX = 3

/** Undefined if no node of the project has a container. Rejects if no Docker engine answers. */
export async function openDockerTarget(
  options: DockerTargetOptions,
): Promise<DockerTarget | undefined> {
  const [first] = await findNodes(options.directory, options.project)
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

  async isUp(): Promise<boolean> {
    return (await this.#containers()).some(hasNamespace)
  }

  async plan(fault: Fault, forMs: number): Promise<readonly string[]> {
    const steps = await this.#steps(fault, Date.now() + forMs)
    return [...(await this.#clearingSteps(fault)), ...steps].map(lineOf)
  }

  async planHeal(): Promise<readonly string[]> {
    const nodes = await this.#containers()
    return [
      ...healProcessSteps(nodes),
      ...(await rejoinSteps(this.#project, nodes)),
      ...(await unruleSteps(this.#project, nodes)),
      ...this.#unskewSteps(nodes),
    ].map(lineOf)
  }

  async apply(fault: Fault, words: readonly string[], forMs: number): Promise<void> {
    await this.#leases.exclusively(async () => {
      await this.#endExpired()
      const untilMs = Date.now() + forMs
      const steps = await this.#steps(fault, untilMs)
      await runSteps(await this.#clearingSteps(fault))
      const others = this.#leases.read().filter((other) => !replaces(fault, other.fault))
      if (fault.type === 'restart') this.#leases.write(others)
      else await this.#lease(others, { id: randomUUID(), fault, words, untilMs })
      await runSteps(steps)
      await this.#probe(fault)
    })
  }

  async heal(): Promise<void> {
    await this.#leases.exclusively(async () => {
      for (let attempt = 1; ; attempt++) {
        // Start the processes first, because rules can be removed only from a running node.
        await runSteps(healProcessSteps(await this.#containers()))
        const nodes = await this.#containers()
        await runSteps(await rejoinSteps(this.#project, nodes))
        await runSteps(await unruleSteps(this.#project, nodes))
        await runSteps(this.#unskewSteps(nodes))
        try {
          await this.#probeReach(undefined)
          break
        } catch (error) {
          if (attempt === HEAL_ATTEMPTS_MAX) throw error
        }
      }
      this.#leases.write([])
    })
  }

  /** Runs in the keeper process: sleeps until the lease ends, and undoes it if it still exists. */
  async keep(leaseId: string): Promise<void> {
    for (;;) {
      const lease = this.#leases.read().find(({ id }) => id === leaseId)
      if (lease === undefined) return
      const leftMs = lease.untilMs - Date.now()
      if (leftMs <= 0) break
      await sleep(Math.min(leftMs, KEEPER_LOOK_MS))
    }
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#leases.exclusively(() => this.#endExpired())
      } catch (error) {
        if (attempt === KEEPER_ATTEMPTS_MAX) throw error
        await sleep(KEEPER_LOOK_MS)
      }
    }
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

  async #lease(others: readonly Lease[], lease: Lease): Promise<void> {
    this.#leases.write([...others, lease])
    const args = [lease.id, '--target', 'docker', '--project', this.#project]
    await startKeeper(this.#options.script, args)
  }

  /** Undoes expired leases. The keeper calls it, and so does every command, in case the keeper has died. */
  async #endExpired(): Promise<void> {
    const leases = this.#leases.read()
    const live = leases.filter(({ untilMs }) => untilMs > Date.now())
    if (live.length === leases.length) return
    for (const { fault } of leases.filter((lease) => !live.includes(lease))) {
      const nodes = await this.#containers()
      if (fault.type === 'groups' || fault.type === 'links')
        await runSteps(await this.#undoingSteps(fault, nodes))
      // A skewed node ends its clock fault itself.
      else if (fault.type !== 'skew') {
        const hit = nodes.filter(({ id }) => id === fault.node)
        await runSteps(healProcessSteps(hit))
        await this.#renewRules(fault.node)
      }
    }
    this.#leases.write(live)
  }

  /** The steps before a fault's own steps: they end the network fault that it replaces, and build the sidecar image. */
  async #clearingSteps(fault: Fault): Promise<DockerStep[]> {
    if (fault.type !== 'groups' && fault.type !== 'links') return []
    const nodes = await this.#containers()
    const steps = await rejoinSteps(this.#project, nodes)
    if (this.#leases.read().some((lease) => lease.fault.type === 'links'))
      steps.push(...(await unruleSteps(this.#project, nodes)))
    if (fault.type === 'links' && !(await hasSidecar())) {
      const context = `${this.#options.directory}/docker`
      const file = `${context}/chaos.Dockerfile`
      steps.push(['build', '--quiet', '--tag', SIDECAR_IMAGE, '--file', file, context])
    }
    return steps
  }

  async #undoingSteps(fault: NetworkFault, nodes: readonly NodeContainer[]): Promise<DockerStep[]> {
    const steps = await rejoinSteps(this.#project, nodes)
    return fault.type === 'links' ? [...steps, ...(await unruleSteps(this.#project, nodes))] : steps
  }

  async #steps(fault: Fault, untilMs: number): Promise<DockerStep[]> {
    const nodes = await this.#containers()
    if (fault.type === 'groups' || fault.type === 'links')
      return networkSteps(fault, nodes, await findPeerNetwork(this.#project))
    const node = nodes.find(({ id }) => id === fault.node) as NodeContainer
    switch (fault.type) {
      case 'skew':
        return [skewStep(fault, node, untilMs)]
      case 'bitflip':
      case 'truncate':
        return fileSteps(fault, node)
      default:
        return processSteps(fault, node)
    }
  }

  async #probe(fault: Fault): Promise<void> {
    switch (fault.type) {
      case 'groups':
      case 'links':
        return this.#probeReach(fault)
      case 'skew':
        return this.#probeClock(fault)
      case 'kill':
      case 'bitflip':
      case 'truncate':
        return this.#probeState(fault.node, 'exited')
      case 'pause':
        return this.#probeState(fault.node, 'paused')
      case 'restart':
        await this.#renewRules(fault.node)
        return this.#probeReach(this.#networkFault())
      default:
        return fault satisfies never
    }
  }

  /** The rules of a node end with its process. Makes the rules of an active lease again for the new process. */
  async #renewRules(node: string): Promise<void> {
    const fault = this.#networkFault()
    if (fault?.type !== 'links') return
    const nodes = await this.#containers()
    const steps = networkSteps(fault, nodes, await findPeerNetwork(this.#project))
    const { container } = nodes.find(({ id }) => id === node) as NodeContainer
    await runSteps(steps.filter((step) => step.includes(`container:${container}`)))
  }

  /** The network fault that is on now. */
  #networkFault(): NetworkFault | undefined {
    return this.#leases
      .read()
      .filter(({ untilMs }) => untilMs > Date.now())
      .map(({ fault }) => fault)
      .find((fault) => fault.type === 'groups' || fault.type === 'links')
  }

  async #probeReach(fault: NetworkFault | undefined): Promise<void> {
    await retried(async () => {
      const nodes = await this.#containers()
      const running = nodes.filter(({ state }) => state === 'running').map(({ id }) => id)
      return unexpectedPairs(fault, running, await probeContainers(nodes)).join('; ')
    })
  }

  async #probeState(node: string, wanted: string): Promise<void> {
    await retried(async () => {
      const state = (await this.#containers()).find(({ id }) => id === node)?.state
      return state === wanted ? '' : `${node} is ${state}, not ${wanted}`
    })
  }

  async #probeClock(fault: ClockFault): Promise<void> {
    await retried(async () => {
      const node = (await this.#containers()).find(({ id }) => id === fault.node) as NodeContainer
      return clockTrouble(fault, await metricsOf(node, this.#options.token))
    })
  }

  /** If the lease of a clock fault was lost, the clock is right again at its end time. */
  #unskewSteps(nodes: readonly NodeContainer[]): DockerStep[] {
    const skewed = this.#leases
      .read()
      .flatMap(({ fault }) => (fault.type === 'skew' ? fault.node : []))
    return nodes.filter(({ id }) => skewed.includes(id)).map(unskewStep)
  }

  #containers(): Promise<NodeContainer[]> {
    return findNodes(this.#options.directory, this.#project)
  }
}

/**
 * Whether a new fault replaces an older one: both are network faults, or both are of the same kind on the same node.
 */
function replaces(fault: Fault, older: Fault): boolean {
  const sortOf = (one: Fault): string => {
    if (one.type === 'groups' || one.type === 'links') return 'network'
    return `${one.type === 'skew' ? 'clock' : 'process'} of ${one.node}`
  }
  return sortOf(fault) === sortOf(older)
}

/** Runs the steps in order. Sidecars come last and run at once, because each has its own namespace. */
async function runSteps(steps: readonly DockerStep[]): Promise<void> {
  const isSidecar = ([command]: DockerStep): boolean => command === 'run'
  for (const step of steps.filter((one) => !isSidecar(one)))
    await docker(step, step[0] === 'build' ? BUILD_TIMEOUT_MS : STEP_TIMEOUT_MS)
  const sidecars = steps.filter(isSidecar).map((step) => docker(step, STEP_TIMEOUT_MS))
  for (const ended of await Promise.allSettled(sidecars))
    if (ended.status === 'rejected') throw ended.reason
}

/** Repeats `trouble` until it returns an empty text, for a bounded time. */
async function retried(trouble: () => Promise<string>): Promise<void> {
  const endMs = Date.now() + PROBE_TIMEOUT_MS
  for (;;) {
    const said = await trouble()
    if (said === '') return
    if (Date.now() > endMs) throw new Error(`the expected effect did not appear: ${said}`)
    await sleep(PROBE_PAUSE_MS)
  }
}
