/**
 * `counter`: clients add to shared counters, mostly up, sometimes down, and read them now and then. Half of the adds are
 * sent three times, through three nodes, under one idempotency key: each is one operation, and has to count once.
 */
import { counterModel } from '../../checker/models/counter-model.ts'
import { keptByModes } from './level-promise.ts'
import type { Ending, Session } from '../recorder.ts'
import { isRecord, type KeyAddress, type StoreClient } from '../store-client.ts'
import {
  FINAL_CONSISTENCY,
  jsonOf,
  type Client,
  type Workload,
  type WorkloadRun,
} from './workload.ts'

const READ_PERCENT = 20
const DOWN_PERCENT = 25
const STEP_MAX = 5
const REPEATED_PERCENT = 50
const REQUESTS_OF_REPEATED = 3

export const counterWorkload: Workload = {
  name: 'counter',
  model: counterModel,
  bucket: 'counters',
  consistency: 'quorum',
  notPromisedBy: keptByModes(['counter']),
  hasSessions: false,
  keys: (count) => Array.from({ length: count }, (_, i) => `k${i}`),
  start,
}

function start(run: WorkloadRun): Client {
  const address = (key: string, consistency = run.consistency): KeyAddress => ({
    bucket: run.bucket,
    key: run.keyPrefix + key,
    consistency,
  })
  const read = async (
    session: Session,
    client: StoreClient,
    key: string,
    consistency?: string,
  ): Promise<boolean> => {
    const ending = await session.run('read', key, null, async (): Promise<Ending> => {
      const answer = await client.read(address(key, consistency))
      if (answer.type === 'fail') return answer
      const [text] = answer.values
      const body = text === undefined ? undefined : jsonOf(text)
      // An absent counter is null; anything but a counter is recorded as it came.
      return { type: 'ok', value: isRecord(body) ? (body['value'] ?? null) : (body ?? null) }
    })
    return ending.type === 'ok'
  }
  let named = 0
  return {
    prepare: async ({ client }) => client.createBucket(run.bucket, 'counter'),
    turn: async ({ session, client, everywhere, random }) => {
      const key = run.keys[random.below(run.keys.length)] as string
      if (random.chance(READ_PERCENT)) {
        await read(session, client, key)
        return
      }
      const step = 1 + random.below(STEP_MAX)
      const increment = random.chance(DOWN_PERCENT) ? -step : step
      await session.run('add', key, increment, () =>
        random.chance(REPEATED_PERCENT)
          ? addRepeatedly(address(key), increment, [client, ...everywhere], run.keyPrefix + named++)
          : client.update(address(key), { increment }),
      )
    },
    finalRead: ({ session, client }, key) => read(session, client, key, FINAL_CONSISTENCY),
  }
}

/** One add, however many of its requests are answered: the best of their endings. */
async function addRepeatedly(
  address: KeyAddress,
  increment: number,
  clients: readonly StoreClient[],
  idempotencyKey: string,
): Promise<Ending> {
  let best: Ending | undefined
  for (const client of [...new Set(clients)].slice(0, REQUESTS_OF_REPEATED)) {
    const ending = await client.update(address, { increment }, idempotencyKey)
    // A request that has certainly done nothing says nothing of the others.
    if (best === undefined || ending.type === 'ok' || best.type === 'fail') best = ending
  }
  return best ?? { type: 'fail', error: 'no node to ask' }
}
