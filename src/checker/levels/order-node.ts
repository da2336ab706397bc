import type { Access } from './access.ts'

/** A node of the forced order: an access that certainly happened. */
export interface OrderNode {
  readonly access: Access
  /** Nodes of one column are ordered: those of a session, or a single one of unknown outcome. */
  readonly column: number
  /** Its position in the column, from 1. */
  readonly position: number
  readonly isWrite: boolean
  /** If its outcome is unknown: a node that saw its effect, so that it certainly happened. Otherwise NONE. */
  shownBy: number
  /** The node whose value it returned, or INITIAL, or NONE. */
  source: number
  /** The node before it in its session, or NONE. */
  readonly before: number
}

/** The node returned the initial value. */
export const INITIAL = -1
/** There is no such node, or the answer is left out. */
export const NONE = -2
