/** Which systems are measured under which loads. It starts nothing. `--only` uses the names of the workloads. */
import { join, resolve } from 'node:path'
import type { LeftoversGuard } from './systems/child-process.ts'
import { etcdPut, etcdRange, startEtcd } from './systems/etcd-system.ts'
import { quorateGet, quoratePut, startQuorate } from './systems/quorate-system.ts'
import { singleGet, singlePut, startSingleNode } from './systems/single-system.ts'
import type { RunningSystem, Workload } from './systems/system.ts'

export interface SystemPlan {
  readonly start: () => Promise<RunningSystem>
  /** Writes a key, so that there is a value to read and to replace. */
  readonly write: Workload
  readonly workloads: readonly Workload[]
  /** Whether its nodes leave profiles. */
  readonly isProfiled: boolean
}

export interface PlanOptions {
  /** The directory of the run. Each system gets its own subdirectory. */
  readonly directory: string
  readonly value: string
  readonly profileDir: string | undefined
  readonly withEtcd: boolean
  readonly guard: LeftoversGuard
  readonly stop: AbortSignal
}

export function planSystems(options: PlanOptions): SystemPlan[] {
  const { directory, value, profileDir, guard, stop } = options
  const profile: Record<string, string> =
    profileDir === undefined ? {} : { NODE_OPTIONS: profilingFlags(profileDir) }
  const syncPut = quoratePut('put quorum', 'quorum', value)
  const osPut = quoratePut('put quorum os', 'quorum', value)
  const strongPut = quoratePut('put strong', 'strong', value)
  const lonePut = singlePut('single put', 'sync', value)
  const etcdWrite = etcdPut('etcd put', value)
  const plans: SystemPlan[] = [
    {
      start: () => startQuorate('quorate', join(directory, 'sync'), profile, stop),
      write: syncPut,
      workloads: [
        syncPut,
        quoratePut('put eventual', 'eventual', value),
        quoratePut('put weak', 'weak', value),
        quorateGet('get quorum', 'quorum'),
        quorateGet('get eventual', 'eventual'),
      ],
      isProfiled: profileDir !== undefined,
    },
    {
      start: () => startQuorate('quorate, strong', join(directory, 'strong'), profile, stop),
      write: strongPut,
      workloads: [
        strongPut,
        { ...strongPut, name: 'put strong hot', keyOf: () => 'key-0' },
        quorateGet('get strong', 'strong'),
      ],
      isProfiled: profileDir !== undefined,
    },
    {
      start: () => {
        const env = { ...profile, QUORATE_DURABILITY: 'os' }
        return startQuorate('quorate, os', join(directory, 'os'), env, stop)
      },
      write: osPut,
      workloads: [
        osPut,
        quoratePut('put eventual os', 'eventual', value),
        quoratePut('put weak os', 'weak', value),
      ],
      isProfiled: profileDir !== undefined,
    },
    {
      start: () => startSingleNode(join(directory, 'single')),
      write: lonePut,
      workloads: [lonePut, singlePut('single put os', 'os', value), singleGet('single get')],
      isProfiled: false,
    },
    {
      start: () => startEtcd(join(directory, 'etcd'), guard),
      write: etcdWrite,
      workloads: [
        etcdWrite,
        etcdRange('etcd linearizable', false),
        etcdRange('etcd serializable', true),
      ],
      isProfiled: false,
    },
  ]
  return options.withEtcd ? plans : plans.slice(0, -1)
}

/** The plans that have some of these workloads, reduced to them; all plans if no name is given. */
export function selectWorkloads(
  plans: readonly SystemPlan[],
  names: readonly string[],
): SystemPlan[] {
  return plans.flatMap((plan) => {
    const workloads = plan.workloads.filter(
      ({ name }) => names.length === 0 || names.includes(name),
    )
    return workloads.length === 0 ? [] : [{ ...plan, workloads }]
  })
}

function profilingFlags(directory: string): string {
  return `--cpu-prof "--cpu-prof-dir=${resolve(directory).replaceAll(/["\\]/g, String.raw`\$&`)}"`
}
