/** The lessons in the order in which they are taught. */
import { CAP } from './cap.ts'
import { CART } from './cart.ts'
import { CAUSAL_ORDER } from './causal-order.ts'
import { CLOCKS } from './clocks.ts'
import { CONSENSUS } from './consensus.ts'
import { DELETED } from './deleted.ts'
import { LEASE } from './lease.ts'
import type { Lesson } from './lesson.ts'
import { LOST_WRITES } from './lost-writes.ts'
import { NODE_DIES } from './node-dies.ts'
import { PAUSE } from './pause.ts'
import { SIBLINGS } from './siblings.ts'
import { SPLIT_BRAIN } from './split-brain.ts'
import { STALE_READS } from './stale-reads.ts'
import { ZONES } from './zones.ts'

export const LESSONS: readonly Lesson[] = [
  NODE_DIES,
  SPLIT_BRAIN,
  CAP,
  STALE_READS,
  LOST_WRITES,
  CAUSAL_ORDER,
  CLOCKS,
  SIBLINGS,
  CONSENSUS,
  PAUSE,
  DELETED,
  CART,
  ZONES,
  LEASE,
]
