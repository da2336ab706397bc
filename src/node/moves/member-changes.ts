/**
 * Changes of the members, as clients request and see them. core/placement/change-steps.ts decides which topology
 * document follows which; each step is agreed on by the voters (topology-register.ts).
 *
 * The members do their parts of a change in three phases. While it is *moving*, each next owner takes over the copies
 * that it will own (intake.ts). While it is *releasing*, each old owner waits until a majority of the new owners has
 * what it holds (release.ts), and then drops it (sweep.ts). While it is *emptying*, a member that leaves drops the
 * rest. A member that has finished its part proposes the next document, which says so.
 *
 * Invariant: this node drops no copy that it has to keep. sweep.ts drops only what the durable topology gives to
 * others, and intake.ts only what an earlier ownership has left.
 */
import { type ChangePlan, planChange } from '../../core/placement/change-plan.ts'
import { beginChange, cancelChange, isMade, isUnderWay } from '../../core/placement/change-steps.ts'
import type { ChangeRequest } from '../../core/placement/change-target.ts'
import type { Topology } from '../../core/placement/topology.ts'
import type { MovesView } from './moves-view.ts'
import type { MovesStatus } from '../service/service.ts'
import type { TopologyRegister } from '../topology/topology-register.ts'

export interface MemberChangesParts {
  readonly register: TopologyRegister
  readonly view: MovesView
}

export class MemberChanges {
  readonly #parts: MemberChangesParts

  constructor(parts: MemberChangesParts) {
    this.#parts = parts
  }

  /** Rejects as `apply` would. */
  plan(request: ChangeRequest, timeoutMs: number): Promise<ChangePlan> {
    return this.#parts.register.judged((current) => planChange(current, request), timeoutMs)
  }

  /**
   * Begins the change. While another one is under way, a `remove` is accepted: nobody waits for that node any more, and
   * its removal begins later. Rejects with change_refused, change_under_way, quorum_unreachable or outcome_unknown.
   */
  apply(request: ChangeRequest, timeoutMs: number): Promise<Topology> {
    return this.#parts.register.change(
      (current) =>
        isUnderWay(current, request) || isMade(current, request)
          ? undefined
          : beginChange(current, request),
      timeoutMs,
    )
  }

  cancel(timeoutMs: number): Promise<Topology> {
    return this.#parts.register.change(cancelChange, timeoutMs)
  }

  status(): Promise<MovesStatus> {
    return this.#parts.view.status()
  }
}
