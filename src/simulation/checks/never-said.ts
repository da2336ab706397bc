/** What no node may ever log in the simulator. */
import { TREE_MENDED } from '../../node/repair/tree-doubts.ts'
import { RECORD_VANISHED } from '../../node/storage/vanished-record.ts'

/** Virtual disks do nothing behind a node's back: there trees and index have to be right by themselves. */
export const NEVER_SAID = new Set(['an ask could not be handled', TREE_MENDED, RECORD_VANISHED])
