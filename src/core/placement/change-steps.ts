/** The documents that a change of the members goes through (member-change.ts). Pure: each step from the one before. */
import { assert } from '../assert.ts'
import { QuorateError } from '../errors.ts'
import type { ChangeRequest } from './member-change.ts'
import type { Topology } from './topology.ts'

/** The first document of the change. Throws change_refused or change_under_way. */
export function beginChange(_topology: Topology, _request: ChangeRequest): Topology {
  throw new QuorateError('change_refused', 'not built yet')
}

/** The document without the change, whose copies are still being moved. Throws change_refused. */
export function cancelChange(_topology: Topology): Topology {
  throw new QuorateError('change_refused', 'not built yet')
}

/**
 * `node` has done its part of that phase: the next document; undefined where that is known already, or the change is
 * not in that phase any more.
 */
export function reportDone(
  topology: Topology,
  _changeId: number,
  _phase: string,
  _node: string,
): Topology | undefined {
  assert(topology.epoch > 0, 'documents have an epoch')
  return undefined
}

/** The members whose part of the present phase is still to come; none where no change is under way. */
export function waitingFor(_topology: Topology): string[] {
  return []
}

/** While copies are moved: the data partitions of which the node will be an owner and is not, for some bucket. */
export function gainedPartitions(_topology: Topology, _node: string): number[] {
  return []
}
