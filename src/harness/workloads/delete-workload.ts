/**
 * The workload `delete`: clients read a key, then delete or overwrite what they read. It uses many keys and many
 * deletes, so that tombstones settle and are collected, and deleted values have every chance to come back.
 */
import type { Json } from '../../checker/history/history.ts'
import { siblingsModel } from '../../checker/models/siblings-model.ts'
import { keptByModes } from './level-promise.ts'
import type { Ending, Session } from '../recorder.ts'
import type { KeyAddress, StoreClient } from '../store-client.ts'
import {
  FINAL_CONSISTENCY,
  jsonOf,
  type Client,
  type Workload,
  type WorkloadRun,
} from './workload.ts'

const KEYS_FACTOR = 8
const DELETE_PERCENT = 40

export const deleteWorkload: Workload = {
  name: 'delete',
  model: siblingsModel,
  bucket: 'default',
  consistency: 'quorum',
  notPromisedBy: keptByModes(['siblings']),
  hasSessions: false,
  keys: (count) => Array.from({ length: count * KEYS_FACTOR }, (_, i) => `k${i}`),
  start,
}

function start(run: WorkloadRun): Client {
  let nextId = 0
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
  ): Promise<{ ids: readonly Json[]; context: string | undefined } | undefined> => {
    let context: string | undefined
    const ending = await session.run('read', key, null, async (): Promise<Ending> => {
      const answer = await client.read(address(key, consistency))
      if (answer.type === 'fail') return answer
      context = answer.context
      return { type: 'ok', value: answer.values.map(jsonOf) }
    })
    if (ending.type !== 'ok') return undefined
    return { ids: Array.isArray(ending.value) ? (ending.value as Json[]) : [], context }
  }
  return {
    // The keys need not exist, because this workload is about absent keys.
    prepare: async () => undefined,
    turn: async ({ session, client, random }) => {
      const key = run.keys[random.below(run.keys.length)] as string
      const seen = await read(session, client, key)
      if (seen === undefined) return
      const id = nextId++
      const { ids, context } = seen
      const value: Json = context === undefined ? { write: id } : { write: id, saw: ids }
      if (ids.length > 0 && random.chance(DELETE_PERCENT)) {
        await session.run('delete', key, value, () => client.delete(address(key), context))
      } else {
        await session.run('write', key, value, () =>
          client.write(address(key), JSON.stringify(id), context),
        )
      }
    },
    finalRead: async ({ session, client }, key) =>
      (await read(session, client, key, FINAL_CONSISTENCY)) !== undefined,
  }
}
