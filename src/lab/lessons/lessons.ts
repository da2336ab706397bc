/** The lessons in the order in which they are taught. */
import { CAP } from './cap.ts'
import { DELETED } from './deleted.ts'
import type { Lesson } from './lesson.ts'
import { NODE_DIES } from './node-dies.ts'
import { SIBLINGS } from './siblings.ts'
import { SPLIT_BRAIN } from './split-brain.ts'

export const LESSONS: readonly Lesson[] = [NODE_DIES, SPLIT_BRAIN, CAP, SIBLINGS, DELETED]
