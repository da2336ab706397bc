/**
 * Chooses the cluster of a run: containers, local processes, or given URLs. A cluster given by URLs cannot be broken.
 */
import { UsageError } from '../../command-line/usage-error.ts'
import type { RunArguments } from '../check-arguments.ts'
import { dockerFaults, findContainers } from './docker-check-target.ts'
import { dockerMembership } from './docker-membership.ts'
import { localFaults } from './local-faults.ts'
import { localMembership } from './local-membership.ts'
import { findLocalCluster, startOwnCluster, type LocalTarget } from './local-check-target.ts'
import type { MembershipDriver } from '../check-membership.ts'
import type { FaultDriver } from '../check-nemesis.ts'
import type { Endpoint } from '../store-client.ts'

export interface Target {
  /** A phrase for the first lines of a run. */
  readonly name: string
  readonly endpoints: readonly Endpoint[]
  readonly driver: FaultDriver | undefined
  /** Starts and stops nodes; undefined if that is not possible. */
  readonly membership: MembershipDriver | undefined
  /** Stops the cluster if it was started for this run. */
  close(): Promise<void>
}

export interface TargetOptions {
  /** For nodes with QUORATE_AUTH=on. */
  readonly token: string | undefined
  readonly print: (line: string) => void
  /** Aborts the start of a cluster. */
  readonly stop: AbortSignal
}

/** Rejects with UsageError if there is no such cluster. */
export async function openTarget(args: RunArguments, options: TargetOptions): Promise<Target> {
  const { target, dataDir, tokenFile } = args
  const { token } = options
  if (typeof target !== 'string') return urlTarget(target)
  if (target !== 'local') {
    const containers = await findContainers()
    if (containers.length > 0) return containerTarget(containers, tokenFile)
    if (target === 'docker') {
      throw new UsageError(
        '--target docker: no container of this project runs; start them with: docker compose up --build -d',
      )
    }
  }
  const running = await findLocalCluster(dataDir)
  if (running !== undefined) return local(`local processes on ${dataDir}`, running, token)
  if (target === 'local') {
    throw new UsageError(`--target local: no cluster runs on ${dataDir}; start one with: npm start`)
  }
  options.print('start   no cluster runs, so the check starts a local one for this run')
  const own = await startOwnCluster(options.print, options.stop)
  return local('local processes of this run', own, token)
}

function containerTarget(endpoints: readonly Endpoint[], tokenFile: string | undefined): Target {
  const close = async (): Promise<void> => {}
  const membership = dockerMembership()
  return { name: 'containers', endpoints, driver: dockerFaults(tokenFile), membership, close }
}

function local(name: string, cluster: LocalTarget, token: string | undefined): Target {
  const { endpoints, dataDir } = cluster
  const nodes = endpoints.map(({ node }) => node)
  const membership = localMembership(dataDir, nodes)
  const driver = localFaults(dataDir, token)
  return { name, endpoints, driver, membership, close: () => cluster.close() }
}

function urlTarget(urls: readonly string[]): Target {
  return {
    name: 'URLs',
    endpoints: urls.map((url) => ({ node: new URL(url).host, url })),
    driver: undefined,
    membership: undefined,
    close: async () => {},
  }
}
