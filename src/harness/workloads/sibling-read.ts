/** Reads a key with all of its siblings, whose values are the numbers of their writes. */
import type { Json } from '../../checker/history/history.ts'
import type { Ending } from '../recorder.ts'
import type { KeyAddress } from '../store-client.ts'
import { jsonOf, type Seat } from './workload.ts'

export interface SiblingRead {
  readonly ids: readonly Json[]
  /** Covers the siblings, and nothing more. */
  readonly context: string | undefined
}

/** Resolves to undefined if the node did not answer. */
export async function readSiblings(
  { session, client }: Pick<Seat, 'session' | 'client'>,
  key: string,
  address: KeyAddress,
): Promise<SiblingRead | undefined> {
  let context: string | undefined
  const ending = await session.run('read', key, null, async (): Promise<Ending> => {
    const answer = await client.read(address)
    if (answer.type === 'fail') return answer
    context = answer.context
    return { type: 'ok', value: answer.values.map(jsonOf) }
  })
  if (ending.type !== 'ok') return undefined
  return { ids: Array.isArray(ending.value) ? (ending.value as Json[]) : [], context }
}
