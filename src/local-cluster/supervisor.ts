/**
 * Keeps the nodes of a local cluster running, and keeps their faults as leases. When a lease ends, or all faults are
 * healed, a killed node is started again and a paused node continues. A node that ended by itself is started again
 * after a pause. Requests for one node run one after the other.
 *
 * Invariants: a node that is killed or paused has a lease; a node with a lease is not started before it ends.
 */
import type { NodeControl, NodeStatus } from './control.ts'
import { ControlError, LEASE_MS_MAX } from './control.ts'
import { type NodeEnd, type NodeProcess, NodeStartError } from './node-process.ts'
import { RestartPause } from './restart-pause.ts'

export interface Supervisor extends NodeControl {
  /** Adds a node without starting it. */
  add(node: SupervisedNode): void
  /** Rejects with NodeStartError. The node is then not started again. */
  start(id: string): Promise<void>
  /** Handles a node whose process ended by itself: it is started again after a pause, if that can help. */
  ended(id: string, end: NodeEnd): void
  /** Stops the node and removes it from the list. */
  remove(id: string): Promise<void>
  /**
   * Ends leases and nodes. Returns the nodes that were killed, because they did not stop in time or `now` was aborted.
   */
  stop(now?: AbortSignal): Promise<string[]>
}

export interface SupervisedNode {
  readonly process: NodeProcess
  readonly peerUrl: string
}

interface Slot extends SupervisedNode {
  lease: { readonly timer: NodeJS.Timeout; readonly endsAtMs: number } | undefined
  /** Set while the node is down and is going to be started again. */
  restart: NodeJS.Timeout | undefined
  readonly pause: RestartPause
  /** Settles when all requests for this node so far are done. */
  idle: Promise<unknown>
}

/** Calls `report` with a line for each unrequested event. */
export function superviseNodes(
  nodes: readonly SupervisedNode[],
  report: (line: string) => void,
): Supervisor {
  const slots: Slot[] = nodes.map(newSlot)
  let closing = false

  function slotOf(id: string): Slot {
    const slot = slots.find(({ process }) => process.spec.id === id)
    if (slot !== undefined) return slot
    const ids = slots.map(({ process }) => process.spec.id).join(', ')
    throw new ControlError('refused', `there is no node ${id}; the nodes are ${ids}`)
  }

  function inTurn(slot: Slot, work: () => Promise<void>): Promise<void> {
    const done = slot.idle.then(async () => {
      if (closing) throw new ControlError('refused', 'the cluster is stopping')
      await work()
    })
    slot.idle = done.catch(() => {})
    return done
  }

  function dropLease(slot: Slot): void {
    clearTimeout(slot.lease?.timer)
    slot.lease = undefined
  }

  function takeLease(slot: Slot, forMs: number): void {
    dropLease(slot)
    const timer = setTimeout(() => {
      inTurn(slot, async () => {
        // Another command may have ended or replaced the lease while this one waited for its turn.
        if (slot.lease?.timer === timer) await undo(slot)
      }).catch((error: unknown) => {
        // A failed start has already been reported.
        if (!closing && !(error instanceof NodeStartError)) report((error as Error).message)
      })
    }, forMs)
    slot.lease = { timer, endsAtMs: Date.now() + forMs }
  }

  async function undo(slot: Slot): Promise<void> {
    dropLease(slot)
    const { process } = slot
    if (process.state === 'paused') process.resume()
    if (process.state === 'killed' || slot.restart !== undefined) await startAgain(slot)
  }

  /** Rejects if the node does not start; it is then tried again later. */
  async function startAgain(slot: Slot): Promise<void> {
    dropRestart(slot)
    try {
      await slot.process.start()
    } catch (error) {
      // Other failures may pass too, for example a full disk or too many open files.
      const failure =
        error instanceof NodeStartError ? error : startError(slot, (error as Error).message)
      restartLater(slot, failure)
      throw failure
    }
  }

  function restartLater(slot: Slot, { sentence, isFinal }: NodeEnd): void {
    const { id } = slot.process.spec
    if (closing || isFinal) {
      report(
        closing ? sentence : `${sentence}; start it again with: npm run chaos -- restart ${id}`,
      )
      return
    }
    const pauseMs = slot.pause.next(performance.now())
    report(`${sentence}; it will restart in ${pauseMs / 1000} s`)
    const timer = setTimeout(() => {
      inTurn(slot, async () => {
        // Another command may have started or killed the node while this one waited for its turn.
        if (slot.restart !== timer) return
        await startAgain(slot)
        report(`${id} has restarted`)
      }).catch((error: unknown) => {
        if (!closing && !(error instanceof NodeStartError)) report((error as Error).message)
      })
    }, pauseMs)
    slot.restart = timer
  }

  return {
    status: async () => slots.map(statusOf),
    add: (node) => {
      if (closing) throw new ControlError('refused', 'the cluster is stopping')
      slots.push(newSlot(node))
    },
    start: (id) => {
      const slot = slotOf(id)
      return inTurn(slot, () => slot.process.start())
    },
    ended: (id, end) => {
      const slot = slots.find(({ process }) => process.spec.id === id)
      if (slot === undefined) return
      // A paused process has ended, so its lease has nothing to undo.
      dropLease(slot)
      dropRestart(slot)
      restartLater(slot, end)
    },
    remove: (id) => {
      const slot = slotOf(id)
      return inTurn(slot, async () => {
        dropLease(slot)
        dropRestart(slot)
        await slot.process.stop()
        const place = slots.indexOf(slot)
        if (place >= 0) slots.splice(place, 1)
      })
    },
    kill: async (id, forMs) => {
      checkLease(forMs)
      const slot = slotOf(id)
      await inTurn(slot, async () => {
        // If the node is down and about to be restarted, the lease keeps it down.
        if (slot.restart === undefined) refuseStopped(slot)
        dropRestart(slot)
        await slot.process.kill()
        takeLease(slot, forMs)
      })
    },
    pause: async (id, forMs) => {
      checkLease(forMs)
      const slot = slotOf(id)
      await inTurn(slot, async () => {
        refuseStopped(slot)
        if (slot.process.state === 'killed')
          throw new ControlError('refused', `${id} is killed, so it cannot be paused`)
        slot.process.pause()
        takeLease(slot, forMs)
      })
    },
    restart: async (id) => {
      const slot = slotOf(id)
      await inTurn(slot, async () => {
        dropLease(slot)
        const ended = await slot.process.stop()
        if (ended === 'killed') report(`${id} did not stop in time and was killed`)
        await startAgain(slot)
      })
    },
    heal: async () => {
      // Heal all nodes before reporting the first failure.
      const healed = await Promise.allSettled(slots.map((slot) => inTurn(slot, () => undo(slot))))
      const failure = healed.find((one) => one.status === 'rejected')
      if (failure !== undefined) throw failure.reason
    },
    stop: async (now) => {
      closing = true
      const forced = slots.map(async (slot) => {
        dropLease(slot)
        dropRestart(slot)
        const { process } = slot
        const end = await process.stop(now).catch((error: unknown) => {
          report((error as Error).message)
          return 'killed'
        })
        return end === 'killed' ? [process.spec.id] : []
      })
      return (await Promise.all(forced)).flat()
    },
  }
}

function newSlot(node: SupervisedNode): Slot {
  const pause = new RestartPause()
  return { ...node, lease: undefined, restart: undefined, pause, idle: Promise.resolve() }
}

function startError({ process }: Slot, why: string): NodeStartError {
  const sentence = `${process.spec.id} could not start: ${why}`
  return new NodeStartError({ sentence, isFinal: false })
}

function dropRestart(slot: Slot): void {
  clearTimeout(slot.restart)
  slot.restart = undefined
}

function statusOf({ process, peerUrl, lease }: Slot): NodeStatus {
  const { id, clientUrl, nodeDir } = process.spec
  return {
    id,
    pid: process.pid,
    state: process.state,
    clientUrl,
    peerUrl,
    dataDir: nodeDir,
    // If a paused node ended by itself, its lease has nothing to undo.
    leaseEndsAtMs: process.state === 'stopped' ? null : (lease?.endsAtMs ?? null),
  }
}

function checkLease(forMs: number): void {
  if (Number.isInteger(forMs) && forMs >= 1 && forMs <= LEASE_MS_MAX) return
  throw new ControlError('refused', `forMs must be a whole number from 1 to ${LEASE_MS_MAX}`)
}

function refuseStopped({ process }: Slot): void {
  if (process.state !== 'stopped') return
  throw new ControlError(
    'refused',
    `${process.spec.id} is not running; start it with: npm run chaos -- restart ${process.spec.id}`,
  )
}
