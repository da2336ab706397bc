/**
 * The workload `delete`: clients read a key, then delete or overwrite what they read. It uses many keys and many
 * deletes, so that tombstones settle and are collected, and deleted values have every chance to come back.
 */
import type { Json } from '../../checker/history/history.ts'
import { siblingsModel } from '../../checker/models/siblings-model.ts'
import { keptByModes } from './level-promise.ts'
import { readSiblings } from './sibling-read.ts'
import {
  addressOf,
  type Client,
  FINAL_CONSISTENCY,
  keyNames,
  pickKey,
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
  keys: (count) => keyNames(count * KEYS_FACTOR),
  start,
}

function start(run: WorkloadRun): Client {
  let nextId = 0
  return {
    // The keys need not exist, because this workload is about absent keys.
    prepare: async () => undefined,
    turn: async (seat) => {
      const { session, client, random } = seat
      const key = pickKey(run.keys, random)
      const seen = await readSiblings(seat, key, addressOf(run, key))
      if (seen === undefined) return
      const id = nextId++
      const { ids, context } = seen
      const value: Json = context === undefined ? { write: id } : { write: id, saw: ids }
      if (ids.length > 0 && random.chance(DELETE_PERCENT)) {
        await session.run('delete', key, value, () => client.delete(addressOf(run, key), context))
      } else {
        await session.run('write', key, value, () =>
          client.write(addressOf(run, key), JSON.stringify(id), context),
        )
      }
    },
    finalRead: async (seat, key) =>
      (await readSiblings(seat, key, addressOf(run, key, FINAL_CONSISTENCY))) !== undefined,
  }
}
