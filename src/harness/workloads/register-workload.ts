/**
 * The workload `register`: clients read keys, write them, and, if the bucket takes conditions, write them only if they
 * still have the value read before. Each write has a unique value. The model checks that each key is linearizable.
 */
import type { Json } from '../../checker/history/history.ts'
import { casRegisterModel } from '../../checker/models/linear-models.ts'
import { linearizability } from './level-promise.ts'
import type { Ending, Session } from '../recorder.ts'
import type { KeyAddress, StoreClient } from '../store-client.ts'
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

/** The percentage of turns that only read, and, of the other turns, of those that use a condition if possible. */
const READ_PERCENT = 50
const CAS_PERCENT = 50

export const registerWorkload: Workload = {
  name: 'register',
  model: casRegisterModel,
  bucket: 'strong',
  consistency: 'strong',
  notPromisedBy: linearizability,
  hasSessions: false,
  keys: keyNames,
  start,
}

function start(run: WorkloadRun): Client {
  let nextValue = 1
  let takesConditions = false
  let hasSiblings = false
  const address = (key: string, consistency = run.consistency): KeyAddress => ({
    ...addressOf(run, key, consistency),
    newest: hasSiblings,
  })
  // Strong keys can be read at any level, but written only at `strong`.
  const writeLevel = (): string => (takesConditions ? 'strong' : run.consistency)
  const read = async (
    session: Session,
    client: StoreClient,
    key: string,
    consistency?: string,
  ): Promise<{ value: Json; etag: string | undefined } | undefined> => {
    let etag: string | undefined
    const ending = await session.run('read', key, null, async (): Promise<Ending> => {
      const answer = await client.read(address(key, consistency))
      if (answer.type === 'fail') return answer
      etag = answer.etag
      const [value] = answer.values
      return { type: 'ok', value: value === undefined ? null : jsonOf(value) }
    })
    return ending.type === 'ok' ? { value: ending.value ?? null, etag } : undefined
  }
  return {
    prepare: async ({ client }) => {
      const mode = await client.modeOf(run.bucket)
      takesConditions = mode === 'strong'
      hasSiblings = mode === 'siblings'
    },
    turn: async ({ session, client, random }) => {
      const key = pickKey(run.keys, random)
      if (random.chance(READ_PERCENT)) {
        await read(session, client, key)
        return
      }
      if (takesConditions && random.chance(CAS_PERCENT)) {
        const seen = await read(session, client, key)
        if (seen === undefined) return
        const value = nextValue++
        await session.run('cas', key, [seen.value, value], () =>
          client.writeIf(address(key, writeLevel()), JSON.stringify(value), seen.etag),
        )
        return
      }
      const value = nextValue++
      await session.run('write', key, value, () =>
        client.write(address(key, writeLevel()), JSON.stringify(value), undefined),
      )
    },
    finalRead: async ({ session, client }, key) => {
      const consistency = takesConditions ? 'strong' : FINAL_CONSISTENCY
      return (await read(session, client, key, consistency)) !== undefined
    },
  }
}
