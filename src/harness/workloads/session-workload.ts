/**
 * The workloads `causal` and `session`: clients move from node to node and read and write keys, each write with a
 * unique value. At `causal` they send back the Quorate-Session of the last answer. Other levels give no token and
 * promise nothing about sessions, so a run there is a control.
 */
import { causalModel } from '../../checker/models/causal-model.ts'
import type { Json } from '../../checker/history/history.ts'
import { sessionModel } from '../../checker/models/session-model.ts'
import type { Model } from '../../checker/verdict/verdict.ts'
import { causalOrder } from './level-promise.ts'
import type { Ending, Session } from '../recorder.ts'
import type { KeyAddress, StoreClient } from '../store-client.ts'
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

const READ_PERCENT = 60
/** The percentage of turns after which the client begins a new session. */
const END_PERCENT = 2

export const causalWorkload = sessionsWorkload('causal', causalModel)
export const sessionWorkload = sessionsWorkload('session', sessionModel)

function sessionsWorkload(name: string, model: Model): Workload {
  return {
    name,
    model,
    bucket: 'default',
    consistency: 'causal',
    notPromisedBy: causalOrder,
    hasSessions: true,
    keys: keyNames,
    start,
  }
}

function start(run: WorkloadRun): Client {
  let nextValue = 1
  /** For each seat, the token of its session. */
  const tokens = new Map<number, string>()
  const address = (key: string, token?: string, consistency = run.consistency): KeyAddress => ({
    ...addressOf(run, key, consistency),
    session: token,
  })
  const keep = (seat: number, token: string | undefined): void => {
    if (token !== undefined) tokens.set(seat, token)
  }
  const read = (
    session: Session,
    client: StoreClient,
    at: KeyAddress,
    key: string,
    seat?: number,
  ): Promise<Ending> =>
    session.run(
      'read',
      key,
      null,
      async (): Promise<Ending> => {
        const answer = await client.read(at)
        if (answer.type === 'fail') return answer
        if (seat !== undefined) keep(seat, answer.session)
        return { type: 'ok', value: valueOf(answer.values) }
      },
      client.node,
    )
  return {
    // The keys need not exist: a session may first see them as absent.
    prepare: async () => undefined,
    turn: async ({ index, session, everywhere, random }: Seat) => {
      const client = random.pick(everywhere as [StoreClient, ...StoreClient[]])
      const key = pickKey(run.keys, random)
      const at = address(key, tokens.get(index))
      if (random.chance(READ_PERCENT)) await read(session, client, at, key, index)
      else {
        const value = nextValue++
        const write = async (): Promise<Ending> => {
          const ending = await client.write(at, JSON.stringify(value), undefined)
          if (ending.type === 'ok') keep(index, ending.session)
          return ending.type === 'ok' ? { type: 'ok' } : ending
        }
        await session.run('write', key, value, write, client.node)
      }
      if (!random.chance(END_PERCENT)) return
      tokens.delete(index)
      session.renew()
    },
    finalRead: async ({ session, client }, key) => {
      const ending = await read(session, client, address(key, undefined, FINAL_CONSISTENCY), key)
      return ending.type === 'ok'
    },
  }
}

/** The value, or a list of all siblings; null if the key is absent. */
function valueOf(values: readonly string[]): Json {
  if (values.length === 0) return null
  return values.length === 1 ? jsonOf(values[0] as string) : values.map(jsonOf)
}
