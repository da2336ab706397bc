/**
 * The operator of a cluster: requests one change of the members at a time, of any node that is up, and repeats the
 * request until its outcome is known.
 */
import { type ErrorCode, QuorateError } from '../../core/errors.ts'
import type { ChangeRequest } from '../../core/placement/change-target.ts'
import { encodeTopology } from '../../node/topology/topology-document.ts'
import type { Schedule } from '../world/schedule.ts'
import type { CallEnd, SimulatedNode } from '../world/simulated-node.ts'

const ASK_TIMEOUT_MS = 3000
const RETRY_US = 500_000

export class Operator {
  readonly #schedule: Schedule
  readonly #membersUp: () => readonly SimulatedNode[]
  #isBusy = false

  constructor(schedule: Schedule, membersUp: () => readonly SimulatedNode[]) {
    this.#schedule = schedule
    this.#membersUp = membersUp
  }

  /** Whether the outcome of a request is not known yet. */
  get isBusy(): boolean {
    return this.#isBusy
  }

  /** Cancels the change with that id, unless it has ended. */
  cancel(change: number, onEnd: (end: CallEnd<unknown>) => void = () => undefined): void {
    this.#isBusy = true
    const again = (): void => {
      const node = this.#anyMember()
      if (node === undefined) return void this.#schedule.after(RETRY_US, again)
      node.call(
        async (service) => {
          if (service.topology().change?.id === change) await service.cancelChange(ASK_TIMEOUT_MS)
        },
        (end) => {
          if (isUndecided(end)) this.#schedule.after(RETRY_US, again)
          else this.#end(end, onEnd)
        },
      )
    }
    again()
  }

  /** Repeats the request until its outcome is known. Then starts the machine that the change made a member. */
  ask(
    request: ChangeRequest,
    machine: SimulatedNode | undefined,
    onEnd: (end: CallEnd<unknown>) => void = () => undefined,
  ): void {
    this.#isBusy = true
    const later = (): void => void this.#schedule.after(RETRY_US, again)
    const again = (): void => {
      const node = this.#anyMember()
      if (node === undefined) return later()
      node.call(
        (service) => service.applyChange(request, ASK_TIMEOUT_MS),
        (end) => {
          if (isUndecided(end)) {
            later()
            return
          }
          this.#end(end, onEnd)
          if (machine === undefined) return
          if (end.type === 'answered') machine.join(encodeTopology(end.answer))
          else machine.lose()
        },
      )
    }
    again()
  }

  #end(end: CallEnd<unknown>, onEnd: (end: CallEnd<unknown>) => void): void {
    this.#isBusy = false
    onEnd(end)
  }

  #anyMember(): SimulatedNode | undefined {
    const up = this.#membersUp()
    return up[this.#schedule.events % Math.max(1, up.length)]
  }
}

/**
 * Whether the change may have been decided, or may be decided later: a majority was missing, or another change was on.
 */
function isUndecided(end: CallEnd<unknown>): boolean {
  return end.type !== 'answered' && !isRefusedFor(end, 'change_refused')
}

function isRefusedFor(end: CallEnd<unknown>, code: ErrorCode): boolean {
  return end.type === 'failed' && end.error instanceof QuorateError && end.error.code === code
}

export function memberOf({ id }: SimulatedNode): { id: string; peerUrl: string; zone: string } {
  return { id, peerUrl: `sim://${id}`, zone: id }
}
