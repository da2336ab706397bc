/** The stores of others that can be measured, and which of them are installed. */
import { versionOf } from './child-process.ts'
import { zookeeperVersion } from './zookeeper-system.ts'

export const OTHER_SYSTEMS = ['etcd', 'nats', 'redis', 'zookeeper'] as const
export type OtherSystem = (typeof OTHER_SYSTEMS)[number]

/** Without the systems that are not installed. */
export type InstalledVersions = Partial<Readonly<Record<OtherSystem, string>>>

export async function findInstalled(without: readonly OtherSystem[]): Promise<InstalledVersions> {
  const found = await Promise.all([
    versionOf('etcd', '--version', /Version: (\S+)/),
    versionOf('nats-server', '--version', /v(\d\S*)/),
    versionOf('redis-server', '--version', /v=(\S+)/),
    zookeeperVersion(),
  ])
  const versions = OTHER_SYSTEMS.flatMap((name, i) => {
    const version = found[i]
    return version === undefined || without.includes(name) ? [] : [[name, version] as const]
  })
  return Object.fromEntries(versions)
}
