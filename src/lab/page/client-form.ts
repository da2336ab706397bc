/** What a person has entered for a client. */
import type { Level } from '../../core/quorum/level.ts'

/** Where a client sends its next request. */
export interface ClientForm {
  readonly client: number
  readonly node: string
  readonly level: Level
  readonly value: string
  readonly sendsContext: boolean
}

export const CLIENTS: readonly ClientForm[] = [
  { client: 1, node: 'n1', level: 'quorum', value: 'apple', sendsContext: false },
  { client: 2, node: 'n2', level: 'quorum', value: 'bread', sendsContext: false },
]
