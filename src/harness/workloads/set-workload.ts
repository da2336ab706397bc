/**
 * The workload `set`: each key holds a JSON list of elements. A client adds an element as an application would: it
 * reads the key, adds the element to the union of all siblings, and writes the union with the context of the read.
 * Buckets that keep siblings lose no acknowledged element this way. With last-writer-wins, concurrent adds overwrite
 * each other.
 *
 * The keys are created before the run. A client that finds a key absent and gets no context adds nothing. A blind write
 * would replace elements that this node cannot see, and the client itself would cause that loss.
 */
import { identityOf } from '../../checker/history/final-reads.ts'
import type { Json } from '../../checker/history/history.ts'
import { setModel } from '../../checker/models/set-model.ts'
import { keptByModes } from './level-promise.ts'
import type { Ending } from '../recorder.ts'
import type { ReadEnding } from '../store-client.ts'
import {
  addressOf,
  type Client,
  FINAL_CONSISTENCY,
  jsonOf,
  keyNames,
  pickKey,
  type Seat,
  type Workload,
  type WorkloadRun,
} from './workload.ts'

export const setWorkload: Workload = {
  name: 'set',
  model: setModel,
  bucket: 'default',
  consistency: 'quorum',
  notPromisedBy: keptByModes(['siblings', 'set']),
  hasSessions: false,
  keys: keyNames,
  start,
}

function start(run: WorkloadRun): Client {
  let nextElement = 0
  return {
    prepare: async ({ client }) => {
      for (const key of run.keys) {
        const written = await client.write(addressOf(run, key, FINAL_CONSISTENCY), '[]', undefined)
        if (written.type !== 'ok')
          throw new Error(`${client.node} did not make key ${key}: ${written.error}`)
      }
    },
    turn: async ({ session, client, random }) => {
      const key = pickKey(run.keys, random)
      const element = nextElement++
      await session.run('add', key, element, async (): Promise<Ending> => {
        const read = await client.read(addressOf(run, key))
        if (read.type === 'fail') return { type: 'fail', error: `read: ${read.error}` }
        if (read.values.length === 0 && read.context === undefined) {
          return { type: 'fail', error: 'read: the key is absent here' }
        }
        const elements = [...unionOf(read.values), element]
        return client.write(addressOf(run, key), JSON.stringify(elements), read.context)
      })
    },
    finalRead: ({ session, client }, key) =>
      readElements(session, () => client.read(addressOf(run, key, FINAL_CONSISTENCY)), key),
  }
}

async function readElements(
  session: Seat['session'],
  ask: () => Promise<ReadEnding>,
  key: string,
): Promise<boolean> {
  const ending = await session.run('read', key, null, async (): Promise<Ending> => {
    const read = await ask()
    return read.type === 'fail' ? read : { type: 'ok', value: unionOf(read.values) }
  })
  return ending.type === 'ok'
}

/** The elements of all siblings, each once. A value that is not a list counts as an element that nobody added. */
function unionOf(values: readonly string[]): Json[] {
  const union = new Map<string, Json>()
  for (const value of values) {
    const list = jsonOf(value)
    for (const element of Array.isArray(list) ? (list as Json[]) : [list]) {
      union.set(identityOf(element), element)
    }
  }
  return [...union.values()]
}
