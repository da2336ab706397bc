/**
 * The workload `counter`: clients increment shared counters, sometimes decrement them, and now and then read them. Half
 * of the adds are sent three times, through three nodes, under one idempotency key. Each is one operation, and must
 * count once.
 */
import { counterModel } from '../../checker/models/counter-model.ts'
import { keptByModes } from './level-promise.ts'
import type { Ending, Session } from '../recorder.ts'
import { isRecord, type KeyAddress, type StoreClient } from '../store-client.ts'
import {
  addressOf,
  type Client,
  FINAL_CONSISTENCY,
  jsonOf,
  keyNames,
  pickKey,
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
  keys: keyNames,
  start,
}

function start(run: WorkloadRun): Client {
  const read = async (
    session: Session,
    client: StoreClient,
    key: string,
    consistency?: string,
  ): Promise<boolean> => {
    const ending = await session.run('read', key, null, async (): Promise<Ending> => {
      const answer = await client.read(addressOf(run, key, consistency))
      if (answer.type === 'fail') return answer
      const [text] = answer.values
      const body = text === undefined ? undefined : jsonOf(text)
      // An absent counter is recorded as null, and anything that is not a counter as it is.
      return { type: 'ok', value: isRecord(body) ? (body['value'] ?? null) : (body ?? null) }
    })
    return ending.type === 'ok'
  }
  let named = 0
  return {
    prepare: async ({ client }) => client.createBucket(run.bucket, 'counter'),
    turn: async ({ session, client, everywhere, random }) => {
      const key = pickKey(run.keys, random)
      if (random.chance(READ_PERCENT)) {
        await read(session, client, key)
        return
      }
      const step = 1 + random.below(STEP_MAX)
      const increment = random.chance(DOWN_PERCENT) ? -step : step
      await session.run('add', key, increment, () =>
        random.chance(REPEATED_PERCENT)
          ? addRepeatedly(
              addressOf(run, key),
              increment,
              [client, ...everywhere],
              run.keyPrefix + named++,
            )
          : client.update(addressOf(run, key), { increment }),
      )
    },
    finalRead: ({ session, client }, key) => read(session, client, key, FINAL_CONSISTENCY),
  }
}

/** Sends one add several times, and returns the best of the outcomes. */
async function addRepeatedly(
  address: KeyAddress,
  increment: number,
  clients: readonly StoreClient[],
  idempotencyKey: string,
): Promise<Ending> {
  let best: Ending | undefined
  for (const client of [...new Set(clients)].slice(0, REQUESTS_OF_REPEATED)) {
    const ending = await client.update(address, { increment }, idempotencyKey)
    // A failed request proves nothing about the others, so any other outcome replaces `fail`.
    if (best === undefined || ending.type === 'ok' || best.type === 'fail') best = ending
  }
  return best ?? { type: 'fail', error: 'no node to ask' }
}
