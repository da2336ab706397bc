/** Three servers of ZooKeeper, as Debian installs them, with default settings: each write is synced by a majority. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../../local-cluster/address-plan.ts'
import { type LeftoversGuard, startPrograms, versionOf } from './child-process.ts'
import type { ClientWorkload, RunningSystem } from './system.ts'
import { connectZookeeper } from './zookeeper-connection.ts'

const SERVERS = [1, 2, 3] as const
/** The script of the Debian package. It becomes the server by `exec`. */
const PROGRAM = '/usr/share/zookeeper/bin/zkServer.sh'

/** Undefined if it is not installed. */
export function zookeeperVersion(): Promise<string | undefined> {
  return versionOf(PROGRAM, 'version', /version (\d+(?:\.\d+)+)/)
}

export async function startZookeeper(
  dataDir: string,
  guard: LeftoversGuard,
): Promise<RunningSystem> {
  const ports = await freePorts(3 * SERVERS.length)
  const portOf = (server: number, purpose: number): number => ports[3 * (server - 1) + purpose] ?? 0
  const members = SERVERS.map(
    (server) => `server.${server}=127.0.0.1:${portOf(server, 1)}:${portOf(server, 2)}`,
  )
  const calls = SERVERS.map((server) => {
    const directory = join(dataDir, `z${server}`)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, 'myid'), `${server}\n`)
    const settings = [
      `dataDir=${directory}`,
      'tickTime=2000',
      'initLimit=10',
      'syncLimit=5',
      'clientPortAddress=127.0.0.1',
      `clientPort=${portOf(server, 0)}`,
      // The default of 60 is for each address.
      'maxClientCnxns=0',
      'admin.enableServer=false',
      ...members,
    ]
    const file = join(directory, 'zoo.cfg')
    writeFileSync(file, `${settings.join('\n')}\n`)
    return ['start-foreground', file]
  })
  const urls = SERVERS.map((server) => `zk://127.0.0.1:${portOf(server, 0)}`)
  const isReady = async (): Promise<boolean> => {
    for (const url of urls) {
      const connection = await connectZookeeper(url)
      try {
        await connection.put('ready', 'yes')
      } finally {
        await connection.close()
      }
    }
    return true
  }
  const programs = await startPrograms({ program: PROGRAM, calls, guard, isReady })
  return { ...programs, urls, readCounters: undefined }
}

export function zookeeperWorkload(
  name: string,
  operation: ClientWorkload['operation'],
  value: string,
): ClientWorkload {
  return { via: 'zookeeper', name, operation, value }
}
