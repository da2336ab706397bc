/**
 * Chaos on the processes of `npm start`. Kills and pauses are leases of the cluster's supervisor. Processes of one
 * machine have no network between them that could be cut, so each node cuts its own peer links. A file in its data
 * directory lists these faults, each with its end time.
 */
import { randomInt } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ControlError, type NodeStatus, openControl } from '../local-cluster/control.ts'
import { CLOCK_FAULT_FILE, clockFaultText, clockTrouble } from './clock-fault.ts'
import { bearer } from '../command-line/token.ts'
import { UsageError } from '../command-line/usage-error.ts'
import type { ClockFault, Fault, FileFault, NetworkFault } from './chaos-fault.ts'
import { damageFile, DATABASE_DIRECTORY } from './file-damage.ts'
import { type LinkFault, LINK_FAULTS_FILE, linkFaults, linkFaultsText } from './link-fault-file.ts'
import { viewOf } from './node-view.ts'
import { unexpectedPairs } from './reach.ts'
import type { ChaosStatus, ChaosTarget, ReachMatrix } from './chaos-target.ts'

/** Nodes notice a cut by silence and then report it, so a probe may take a while. */
const PROBE_TIMEOUT_MS = 20_000
const PROBE_PAUSE_MS = 200
const ASK_TIMEOUT_MS = 2000

/** Undefined if no cluster runs on the directory. `token`: for nodes with QUORATE_AUTH=on. */
export async function openLocalTarget(
  dataDir: string,
  token?: string,
): Promise<LocalTarget | undefined> {
  try {
    await openControl(dataDir).status()
    return new LocalTarget(dataDir, token)
  } catch (error) {
    if (error instanceof ControlError && error.code === 'not-running') return undefined
    throw error
  }
}

export class LocalTarget implements ChaosTarget {
  readonly name = 'local'
  readonly about = "cuts of the nodes' own peer links: there is no network between local processes"
  readonly #control: ReturnType<typeof openControl>
  readonly #token: string | undefined
  #cutUntilMs = 0

  constructor(dataDir: string, token?: string) {
    this.#control = openControl(dataDir)
    this.#token = token
  }

  async nodes(): Promise<readonly string[]> {
    return (await this.#control.status()).map(({ id }) => id)
  }

  async plan(fault: Fault, forMs: number): Promise<readonly string[]> {
    const nodes = await this.#control.status()
    const untilMs = Date.now() + forMs
    if (fault.type === 'skew') {
      return [`${clockFileOf(nodes, fault)}: ${clockFaultText(fault, untilMs)}`]
    }
    if (fault.type !== 'groups' && fault.type !== 'links') {
      const { pid } = nodes.find(({ id }) => id === fault.node) as NodeStatus
      return [`${fault.type} ${fault.node} (process ${pid ?? 'none'})`]
    }
    return nodes.flatMap((node) =>
      linkFaults(fault, node.id, idsOf(nodes), untilMs).map(
        ({ peer, direction, lossPercent: percent }) =>
          `${join(node.dataDir, LINK_FAULTS_FILE)}: lose ${percent} % of the link ` +
          (direction === 'out' ? `${node.id} to ${peer}` : `${peer} to ${node.id}`),
      ),
    )
  }

  async planHeal(): Promise<readonly string[]> {
    const nodes = await this.#control.status()
    const files = nodes.map(({ dataDir }) => `${join(dataDir, LINK_FAULTS_FILE)}: no faults`)
    const clocks = (await liveSkews(nodes, Date.now())).map(({ file }) => `${file}: removed`)
    const processes = nodes
      .filter(({ state }) => state === 'killed' || state === 'paused')
      .map(({ id, state }) => `${state === 'killed' ? 'start' : 'continue'} ${id}`)
    return [...files, ...clocks, ...processes]
  }

  async apply(fault: Fault, _words: readonly string[], forMs: number): Promise<void> {
    switch (fault.type) {
      case 'kill':
        return this.#control.kill(fault.node, forMs)
      case 'pause':
        return this.#control.pause(fault.node, forMs)
      case 'restart':
        return this.#control.restart(fault.node)
      case 'bitflip':
      case 'truncate':
        return this.#damage(fault, forMs)
      case 'skew':
        return this.#skew(fault, Date.now() + forMs)
      case 'groups':
      case 'links':
        await this.#writeFaults(fault, Date.now() + forMs)
        return this.#probe(fault)
      default:
        return fault satisfies never
    }
  }

  async #damage({ node, type }: FileFault, forMs: number): Promise<void> {
    await this.#control.kill(node, forMs)
    const { dataDir } = (await this.#control.status()).find(({ id }) => id === node) as NodeStatus
    await damageFile(join(dataDir, DATABASE_DIRECTORY), type, randomInt)
  }

  async heal(): Promise<void> {
    await this.#writeFaults(undefined, 0)
    for (const { dataDir } of await this.#control.status())
      await rm(join(dataDir, CLOCK_FAULT_FILE), { force: true })
    await this.#control.heal()
    await this.#probe(undefined)
  }

  async status(): Promise<ChaosStatus> {
    const nodes = await this.#control.status()
    const now = Date.now()
    return {
      nodes: nodes.map(({ id, state }) => ({ id, state })),
      reaches: await this.#reaches(nodes),
      leases: [
        ...(await liveCuts(nodes, now)),
        ...(await liveSkews(nodes, now)),
        ...nodes
          .filter(({ leaseEndsAtMs }) => leaseEndsAtMs !== null)
          .map(({ id, state, leaseEndsAtMs }) => ({
            fault: `${id} ${state}`,
            endsInMs: Math.max(0, (leaseEndsAtMs as number) - now),
          })),
      ],
    }
  }

  async #skew(fault: ClockFault, untilMs: number): Promise<void> {
    const nodes = await this.#control.status()
    const { state, clientUrl } = nodes.find(({ id }) => id === fault.node) as NodeStatus
    if (state !== 'running')
      throw new UsageError(`${fault.node} is ${state}: its clock cannot be set`)
    await replaceFile(clockFileOf(nodes, fault), clockFaultText(fault, untilMs))
    const endMs = Date.now() + PROBE_TIMEOUT_MS
    for (;;) {
      const trouble = clockTrouble(fault, await ownMetrics(clientUrl, this.#token))
      if (trouble === '') return
      if (Date.now() > Math.min(endMs, untilMs)) {
        throw new Error(`the fault did not take effect: ${trouble}`)
      }
      await sleep(PROBE_PAUSE_MS)
    }
  }

  async #writeFaults(fault: NetworkFault | undefined, untilMs: number): Promise<void> {
    this.#cutUntilMs = untilMs
    const nodes = await this.#control.status()
    for (const node of nodes) {
      const faults = linkFaults(fault, node.id, idsOf(nodes), untilMs)
      await replaceFile(join(node.dataDir, LINK_FAULTS_FILE), linkFaultsText(faults))
    }
  }

  /** Waits until the nodes report the cut themselves. Rejects if the lease ends before that. */
  async #probe(fault: NetworkFault | undefined): Promise<void> {
    const endMs = Date.now() + PROBE_TIMEOUT_MS
    for (;;) {
      const nodes = await this.#control.status()
      const matrix = await this.#reaches(nodes)
      const running = nodes.filter(({ state }) => state === 'running').map(({ id }) => id)
      const wrong = unexpectedPairs(fault, running, matrix)
      if (wrong.length === 0) return
      if (fault !== undefined && Date.now() > this.#cutUntilMs)
        throw new Error('the fault ended before the nodes noticed it: use a longer --for')
      if (Date.now() > endMs) {
        const failure =
          fault === undefined ? 'the cluster did not heal' : 'the fault did not take effect'
        throw new Error(`${failure}: ${wrong.join('; ')}`)
      }
      await sleep(PROBE_PAUSE_MS)
    }
  }

  /** For each running node, which others it reports as reachable. */
  async #reaches(nodes: readonly NodeStatus[]): Promise<ReachMatrix> {
    const matrix: Record<string, Record<string, boolean>> = {}
    const ask = async ({ id, clientUrl, state }: NodeStatus): Promise<void> => {
      if (state !== 'running') return
      const row = await viewOf(id, clientUrl, this.#token)
      if (row !== undefined) matrix[id] = row
    }
    await Promise.all(nodes.map(ask))
    return matrix
  }
}

function idsOf(nodes: readonly NodeStatus[]): readonly string[] {
  return nodes.map(({ id }) => id)
}

/** The cuts of all nodes as one lease, because one command wrote them. */
async function liveCuts(
  nodes: readonly NodeStatus[],
  nowMs: number,
): Promise<{ fault: string; endsInMs: number }[]> {
  const faults = await Promise.all(
    nodes.map(async ({ dataDir }) => {
      const text = await readFile(join(dataDir, LINK_FAULTS_FILE), 'utf8').catch(
        () => '{"faults":[]}',
      )
      return (JSON.parse(text) as { faults: LinkFault[] }).faults
    }),
  )
  const live = faults.flat().filter(({ untilMs }) => untilMs > nowMs)
  if (live.length === 0) return []
  // Each cut is in the files of both ends of its link, so half of the entries are counted.
  const endsInMs = Math.max(...live.map(({ untilMs }) => untilMs)) - nowMs
  return [
    { fault: `${live.length / 2} peer link${live.length === 2 ? '' : 's'} cut or lossy`, endsInMs },
  ]
}

async function liveSkews(
  nodes: readonly NodeStatus[],
  nowMs: number,
): Promise<{ fault: string; endsInMs: number; file: string }[]> {
  const skews = await Promise.all(
    nodes.map(async ({ id, dataDir }) => {
      const file = join(dataDir, CLOCK_FAULT_FILE)
      const text = await readFile(file, 'utf8').catch(() => '{"offsetMs":0,"untilMs":0}')
      const { offsetMs, untilMs } = JSON.parse(text) as { offsetMs: number; untilMs: number }
      return {
        fault: `the clock of ${id} is ${offsetMs / 1000} s off`,
        endsInMs: untilMs - nowMs,
        file,
      }
    }),
  )
  return skews.filter(({ endsInMs }) => endsInMs > 0)
}

function clockFileOf(nodes: readonly NodeStatus[], { node }: ClockFault): string {
  const { dataDir } = nodes.find(({ id }) => id === node) as NodeStatus
  return join(dataDir, CLOCK_FAULT_FILE)
}

/** Renames the file into place, so that a node never reads a partial file. */
async function replaceFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}

async function ownMetrics(clientUrl: string, token: string | undefined): Promise<string> {
  const response = await fetch(`${clientUrl}/metrics`, {
    headers: bearer(token),
    signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
  })
  return response.text()
}
