/**
 * Makes the load of one round through the client library of a store. It is a separate program, so that its CPU time
 * does not slow the benchmark: it receives one job from its parent, answers with the result, and ends.
 */
import { once } from 'node:events'
import { connectNats } from '../systems/nats-system.ts'
import { connectRedis } from '../systems/redis-system.ts'
import type { StoreConnection } from '../systems/store-connection.ts'
import { type ClientWorkload, keyName, type LoadResult } from '../systems/system.ts'
import { connectZookeeper } from '../systems/zookeeper-connection.ts'
import type { ClientJob } from './client-load.ts'
import { runClosedLoops, type SendRequest } from './closed-loop.ts'

const CONNECT: Record<ClientWorkload['via'], (url: string) => Promise<StoreConnection>> = {
  nats: connectNats,
  redis: connectRedis,
  zookeeper: connectZookeeper,
}

process.on('disconnect', () => process.exit(0))
const [job] = (await once(process, 'message')) as [ClientJob]
const result = await runJob(job)
process.send?.(result, () => process.exit(0))

async function runJob({
  workload,
  urls,
  connections,
  keys,
  seconds,
}: ClientJob): Promise<LoadResult | null> {
  const opened = await Promise.all(
    Array.from({ length: connections }, (_, i) =>
      CONNECT[workload.via](urls[i % urls.length] ?? ''),
    ),
  )
  if (seconds === null) {
    await putEveryKey(opened, workload.value, keys)
    return null
  }
  return runClosedLoops(
    opened.map((connection) => senderOf(connection, workload)),
    { seconds, keys, nowMs: () => performance.now(), random: Math.random },
  )
}

function senderOf(connection: StoreConnection, workload: ClientWorkload): SendRequest {
  const { operation, value } = workload
  if (operation === 'put') {
    return async (number) => {
      await connection.put(keyName(number), value)
      return 0
    }
  }
  return async (number) => {
    const found = await connection.get(keyName(number))
    if (found !== value) throw new Error(`${keyName(number)} has a value that was not written`)
    return found.length
  }
}

async function putEveryKey(
  connections: readonly StoreConnection[],
  value: string,
  keys: number,
): Promise<void> {
  let next = 0
  await Promise.all(
    connections.map(async (connection) => {
      for (let number = next++; number < keys; number = next++) {
        await connection.put(keyName(number), value)
      }
    }),
  )
}
