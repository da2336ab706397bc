/**
 * Keeps the faults of a local cluster as leases: a killed node is started again and a paused one goes on when
 * its lease ends, or when all are healed. What is asked of one node is done one after the other.
 *
 * Invariant: a node that is killed or paused has a lease.
 */
import type { NodeControl, NodeStatus } from './control.ts'
import { ControlError, LEASE_MS_MAX } from './control.ts'
import type { NodeProcess } from './node-process.ts'

export interface Supervisor extends NodeControl {
  /** From now on it is one of the nodes; nobody has started it yet. */
  add(node: SupervisedNode): void
  /** Stops the node and lets go of it. */
  remove(id: string): Promise<void>
  /** Ends leases and nodes; names the nodes that did not stop in time, or that `now` cut short. */
  stop(now?: AbortSignal): Promise<string[]>
}

export interface SupervisedNode {
  readonly process: NodeProcess
  readonly peerUrl: string
}

interface Slot extends SupervisedNode {
  lease: { readonly timer: NodeJS.Timeout; readonly endsAtMs: number } | undefined
  /** Settled when what was asked so far is done. */
  idle: Promise<unknown>
}

/** `report` gets a line for each thing that happens without being asked for. */
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
    throw new ControlError('refused', `there is no node ${id}, only ${ids}`)
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
        // Another command may have ended or replaced it while this one waited for its turn.
        if (slot.lease?.timer === timer) await undo(slot)
      }).catch((error: unknown) => {
        if (!closing) report((error as Error).message)
      })
    }, forMs)
    slot.lease = { timer, endsAtMs: Date.now() + forMs }
  }

  async function undo(slot: Slot): Promise<void> {
    dropLease(slot)
    const { process } = slot
    if (process.state === 'paused') process.resume()
    if (process.state === 'killed') await process.start()
  }

  return {
    status: async () => slots.map(statusOf),
    add: (node) => {
      if (closing) throw new ControlError('refused', 'the cluster is stopping')
      slots.push(newSlot(node))
    },
    remove: async (id) => {
      const slot = slotOf(id)
      dropLease(slot)
      await slot.process.stop()
      slots.splice(slots.indexOf(slot), 1)
    },
    kill: async (id, forMs) => {
      checkLease(forMs)
      const slot = slotOf(id)
      await inTurn(slot, async () => {
        refuseStopped(slot)
        await slot.process.kill()
        takeLease(slot, forMs)
      })
    },
    pause: async (id, forMs) => {
      checkLease(forMs)
      const slot = slotOf(id)
      await inTurn(slot, async () => {
        refuseStopped(slot)
        if (slot.process.state === 'killed') throw new ControlError('refused', `${id} is killed`)
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
        await slot.process.start()
      })
    },
    heal: async () => {
      // All of them are healed before the first failure is told.
      const healed = await Promise.allSettled(slots.map((slot) => inTurn(slot, () => undo(slot))))
      const failure = healed.find((one) => one.status === 'rejected')
      if (failure !== undefined) throw failure.reason
    },
    stop: async (now) => {
      closing = true
      const forced = slots.map(async (slot) => {
        dropLease(slot)
        return (await slot.process.stop(now)) === 'killed' ? [slot.process.spec.id] : []
      })
      return (await Promise.all(forced)).flat()
    },
  }
}

function newSlot(node: SupervisedNode): Slot {
  return { ...node, lease: undefined, idle: Promise.resolve() }
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
    // A node that ends by itself while it is paused leaves a lease that has nothing to undo.
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
    `${process.spec.id} is not running; restart ${process.spec.id} starts it`,
  )
}
