/** The lessons in the order in which they are taught. */
import { CAP } from './cap.ts'
import { CLOCKS } from './clocks.ts'
import { DELETED } from './deleted.ts'
import type { Lesson } from './lesson.ts'
import { LOST_WRITES } from './lost-writes.ts'
import { NODE_DIES } from './node-dies.ts'
import { PAUSE } from './pause.ts'
import { SIBLINGS } from './siblings.ts'
import { SPLIT_BRAIN } from './split-brain.ts'
import { STALE_READS } from './stale-reads.ts'

export const LESSONS: readonly Lesson[] = [
  NODE_DIES,
  SPLIT_BRAIN,
  CAP,
  STALE_READS,
  LOST_WRITES,
  CLOCKS,
  SIBLINGS,
  PAUSE,
  DELETED,
]
