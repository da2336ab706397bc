/** Which systems are measured under which loads. It starts nothing. `--only` uses the names of the workloads. */
import { join, resolve } from 'node:path'
import type { LeftoversGuard } from './systems/child-process.ts'
import { etcdPut, etcdRange, startEtcd } from './systems/etcd-system.ts'
import { canSyncAlways, natsWorkload, startNats } from './systems/nats-system.ts'
import type { InstalledVersions } from './systems/other-systems.ts'
import { quorateGet, quoratePut, startQuorate } from './systems/quorate-system.ts'
import { redisWorkload, startRedis } from './systems/redis-system.ts'
import { singleGet, singlePut, startSingleNode } from './systems/single-system.ts'
import { alone, type RunningSystem, type Workload } from './systems/system.ts'
import { startZookeeper, zookeeperWorkload } from './systems/zookeeper-system.ts'
import { SINGLE_PUT } from './targets.ts'

export interface SystemPlan {
  /** Unique in a run. */
  readonly name: string
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
  /** The other stores that take part. */
  readonly others: InstalledVersions
  readonly guard: LeftoversGuard
  readonly stop: AbortSignal
}

/** Says in the table that a row was not loaded through HTTP. */
const OWN_PROTOCOL = 'own protocol'

export function planSystems(options: PlanOptions): SystemPlan[] {
  const { others } = options
  const { etcd, nats, redis, zookeeper } = others
  return [
    ...planQuorate(options),
    planSingleNode(options),
    ...(etcd === undefined ? [] : [planEtcd(options)]),
    ...(nats === undefined ? [] : planNats(options, nats)),
    ...(redis === undefined ? [] : [planRedis(options)]),
    ...(zookeeper === undefined ? [] : [planZookeeper(options)]),
  ]
}

/**
 * Divides the plans into groups of systems that run at the same time. All that take HTTP requests form one group, so
 * that their rounds alternate. Each other system runs alone, so that it cannot disturb a comparison.
 */
export function groupPlans(plans: readonly SystemPlan[]): SystemPlan[][] {
  const together = plans.filter(({ write }) => write.via === 'http')
  const apart = plans.filter(({ write }) => write.via !== 'http')
  return [together, ...apart.map((plan) => [plan])].filter(({ length }) => length > 0)
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

function planQuorate({ directory, value, profileDir, stop }: PlanOptions): SystemPlan[] {
  const profile: Record<string, string> =
    profileDir === undefined ? {} : { NODE_OPTIONS: profilingFlags(profileDir) }
  const start = (folder: string, settings: Record<string, string> = {}): Promise<RunningSystem> => {
    const env = { ...profile, ...settings }
    return startQuorate({ nodes: 3, dataDir: join(directory, folder), env, signal: stop })
  }
  const isProfiled = profileDir !== undefined
  const put = quoratePut('put quorum', 'quorum', value)
  const [get, eventualGet] = [
    quorateGet('get quorum', 'quorum'),
    quorateGet('get eventual', 'eventual'),
  ]
  const strongPut = quoratePut('put strong', 'strong', value)
  const strongGet = quorateGet('get strong', 'strong')
  const osPut = quoratePut('put quorum os', 'quorum', value)
  return [
    {
      name: 'quorate',
      start: () => start('sync'),
      write: put,
      workloads: [
        put,
        quoratePut('put eventual', 'eventual', value),
        quoratePut('put weak', 'weak', value),
        get,
        eventualGet,
        alone(put),
        alone(get),
        alone(eventualGet),
      ],
      isProfiled,
    },
    {
      name: 'quorate, strong',
      start: () => start('strong'),
      write: strongPut,
      workloads: [
        strongPut,
        { ...strongPut, name: 'put strong hot', keyOf: () => 'key-0' },
        strongGet,
        alone(strongPut),
        alone(strongGet),
      ],
      isProfiled,
    },
    {
      name: 'quorate, os',
      start: () => start('os', { QUORATE_DURABILITY: 'os' }),
      write: osPut,
      workloads: [
        osPut,
        quoratePut('put eventual os', 'eventual', value),
        quoratePut('put weak os', 'weak', value),
      ],
      isProfiled,
    },
  ]
}

function planSingleNode({ directory, value }: PlanOptions): SystemPlan {
  const put = singlePut(SINGLE_PUT, 'sync', value)
  return {
    name: 'single node',
    start: () => startSingleNode(join(directory, 'single')),
    write: put,
    workloads: [put, singlePut('single put os', 'os', value), singleGet('single get'), alone(put)],
    isProfiled: false,
  }
}

function planEtcd({ directory, value, guard }: PlanOptions): SystemPlan {
  const put = etcdPut('etcd put', value)
  const linearizable = etcdRange('etcd linearizable', false)
  const serializable = etcdRange('etcd serializable', true)
  return {
    name: 'etcd',
    start: () => startEtcd(join(directory, 'etcd'), guard),
    write: put,
    workloads: [
      put,
      linearizable,
      serializable,
      alone(put),
      alone(linearizable),
      alone(serializable),
    ],
    isProfiled: false,
  }
}

function planNats({ directory, value, guard }: PlanOptions, version: string): SystemPlan[] {
  const plan = (name: string, isSynced: boolean): SystemPlan => {
    const put = natsWorkload(`${name} put`, 'put', value)
    return {
      name: `${name}, ${OWN_PROTOCOL}`,
      start: () => startNats(join(directory, name.replace(' ', '-')), isSynced, guard),
      write: put,
      workloads: [put, natsWorkload(`${name} get`, 'get', value)],
      isProfiled: false,
    }
  }
  const unsynced = plan('nats', false)
  return canSyncAlways(version) ? [plan('nats synced', true), unsynced] : [unsynced]
}

function planRedis({ directory, value, guard }: PlanOptions): SystemPlan {
  const put = redisWorkload('redis put', 'put', value)
  return {
    name: `redis, ${OWN_PROTOCOL}`,
    start: () => startRedis(join(directory, 'redis'), guard),
    write: put,
    workloads: [put, redisWorkload('redis get', 'get', value)],
    isProfiled: false,
  }
}

function planZookeeper({ directory, value, guard }: PlanOptions): SystemPlan {
  const put = zookeeperWorkload('zookeeper put', 'put', value)
  return {
    name: `zookeeper, ${OWN_PROTOCOL}`,
    start: () => startZookeeper(join(directory, 'zookeeper'), guard),
    write: put,
    workloads: [put, zookeeperWorkload('zookeeper get', 'get', value)],
    isProfiled: false,
  }
}

function profilingFlags(directory: string): string {
  return `--cpu-prof "--cpu-prof-dir=${resolve(directory).replaceAll(/["\\]/g, String.raw`\$&`)}"`
}
