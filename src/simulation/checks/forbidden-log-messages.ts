/** Log messages that no node may ever write in the simulator. */
import { TREE_MENDED } from '../../node/repair/tree-doubts.ts'
import { RECORD_VANISHED } from '../../node/storage/vanished-record.ts'

/** A virtual disk never changes records without the node, so trees and index must never need a repair. */
export const FORBIDDEN_LOG_MESSAGES = new Set([
  'an ask could not be handled',
  TREE_MENDED,
  RECORD_VANISHED,
])
