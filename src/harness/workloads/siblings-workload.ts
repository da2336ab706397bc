/**
 * The workload `siblings`: every write has a unique value. On the keys `k…` a client reads, then writes with the
 * context of the read. Now and then it uses an older context, which makes siblings. On the keys `b…` clients write
 * without a context, and the model checks what such a blind write may replace.
 */
import type { Json } from '../../checker/history/history.ts'
import { siblingsModel } from '../../checker/models/siblings-model.ts'
import { keptByModes } from './level-promise.ts'
import type { Session } from '../recorder.ts'
import type { StoreClient } from '../store-client.ts'
import { readSiblings } from './sibling-read.ts'
import {
  addressOf,
  type Client,
  FINAL_CONSISTENCY,
  keyNames,
  pickKey,
  type Seat,
  type Workload,
  type WorkloadRun,
} from './workload.ts'

/** There is one blind key for so many other keys, and this percentage of turns uses a blind key. */
const KEYS_PER_BLIND_KEY = 4
const BLIND_PERCENT = 10
/** The percentage of the other turns that only read, and of those that write with the context of an earlier turn. */
const READ_PERCENT = 15
const STALE_PERCENT = 15
/**
 * The percentage of writes after which the client keeps the context of the write, not the one of the read before it.
 */
const CHAIN_PERCENT = 50

export const siblingsWorkload: Workload = {
  name: 'siblings',
  model: siblingsModel,
  bucket: 'default',
  consistency: 'quorum',
  notPromisedBy: keptByModes(['siblings']),
  hasSessions: false,
  keys: (count) => [
    ...keyNames(count),
    ...Array.from({ length: Math.ceil(count / KEYS_PER_BLIND_KEY) }, (_, i) => `b${i}`),
  ],
  start,
}

/** The values that a client has seen of a key, and the context that covers them. */
interface Seen {
  readonly ids: readonly Json[]
  readonly context: string
}

function start(run: WorkloadRun): Client {
  const blindKeys = run.keys.filter((key) => key.startsWith('b'))
  const seenKeys = run.keys.filter((key) => key.startsWith('k'))
  const seen = new Map<string, Seen>()
  let nextId = 0
  const write = async (
    session: Session,
    client: StoreClient,
    key: string,
    saw?: Seen,
    consistency?: string,
  ): Promise<Written> => {
    const id = nextId++
    const value: Json = saw === undefined ? { write: id } : { write: id, saw: saw.ids }
    const ending = await session.run('write', key, value, () =>
      client.write(addressOf(run, key, consistency), JSON.stringify(id), saw?.context),
    )
    if (ending.type !== 'ok') return { error: ending.error, seen: undefined }
    const { context, siblings } = ending
    return {
      error: undefined,
      seen: siblings === 1 && context !== undefined ? { ids: [id], context } : undefined,
    }
  }
  /** Resolves to undefined if the node did not answer. */
  const read = async (seat: Seat, key: string): Promise<Seen | undefined> => {
    const found = await readSiblings(seat, key, addressOf(run, key))
    if (found?.context === undefined) return undefined
    return { ids: found.ids, context: found.context }
  }
  return {
    prepare: async ({ session, client }) => {
      for (const key of run.keys) {
        const written = await write(session, client, key, undefined, FINAL_CONSISTENCY)
        if (written.error === undefined) continue
        throw new Error(`${client.node} did not make key ${key}: ${written.error}`)
      }
    },
    turn: async (seat) => {
      const { index, session, client, random } = seat
      if (random.chance(BLIND_PERCENT)) {
        await write(session, client, pickKey(blindKeys, random))
        return
      }
      const key = pickKey(seenKeys, random)
      const place = `${index} ${key}`
      const readOnly = random.chance(READ_PERCENT)
      const stale = random.chance(STALE_PERCENT) ? seen.get(place) : undefined
      const now = stale ?? (await read(seat, key))
      if (now === undefined) return
      seen.set(place, now)
      if (readOnly && stale === undefined) return
      const written = await write(session, client, key, now)
      if (written.seen !== undefined && random.chance(CHAIN_PERCENT)) seen.set(place, written.seen)
    },
    finalRead: async (seat, key) =>
      (await readSiblings(seat, key, addressOf(run, key, FINAL_CONSISTENCY))) !== undefined,
  }
}

/** `seen` is the written value, if the store reported that it left no siblings. */
interface Written {
  readonly error: string | undefined
  readonly seen: Seen | undefined
}
