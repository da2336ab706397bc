/** A page of the log of a node, read for a watch. */
import type { FeedAsk } from '../../core/watch/following.ts'
import type { ChangesAnswer } from '../wire/asks/watch-asks.ts'
import type { TellableKeys } from './changed-keys.ts'

export interface ReadPage extends TellableKeys {
  readonly node: string
  readonly ask: FeedAsk
  readonly answer: ChangesAnswer
}
