/**
 * One run: it prepares keys, drives clients while the nemesis breaks and heals the cluster, waits until the cluster is
 * healthy, reads every key through every node, and judges the history. It always heals the cluster before it ends.
 */
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { NEMESIS, type HistoryEvent } from '../checker/history/history.ts'
import type { Verdict } from '../checker/verdict/verdict.ts'
import type { RunArguments } from './check-arguments.ts'
import { Fleet } from './fleet.ts'
import {
  endOfMembership,
  type MembershipDriver,
  type MembershipEnd,
  type PlannedChange,
  planChanges,
  runChanges,
  steadyNodes,
} from './check-membership.ts'
import { OF_ONE_NODE, planFaults, runNemesis, type FaultDriver } from './check-nemesis.ts'
import { checkingWork, clientsWork, finalReadsWork } from './check-progress.ts'
import { Recorder } from './recorder.ts'
import { SeededRandom } from '../random/seeded-random.ts'
import type { Progress } from '../terminal/progress.ts'
import { settle, SETTLE_TIMEOUT_MS } from './settle.ts'
import { STORE_TIMEOUT_MS, type Endpoint } from './store-client.ts'
import type { Client, Seat } from './workloads/workload.ts'

export interface RunOptions {
  readonly endpoints: readonly Endpoint[]
  /** For nodes with QUORATE_AUTH=on. */
  readonly token?: string | undefined
  /** Undefined if nothing can break this cluster. Then no faults may be requested. */
  readonly driver: FaultDriver | undefined
  /** Undefined if nothing can start and stop nodes. Then no changes of the members may be requested. */
  readonly membership: MembershipDriver | undefined
  /** Ends the clients' time early. The run then continues with healing and the final reads. */
  readonly stop: AbortSignal
  readonly print: (line: string) => void
  readonly progress: Progress
}

export interface RunOutcome {
  readonly verdict: Verdict
  /** The level or mode that does not promise what was checked; undefined if it is promised. */
  readonly notPromisedBy: string | undefined
  readonly history: readonly HistoryEvent[]
  readonly keyPrefix: string
  /** Why the cluster did not become healthy again; undefined if it did. */
  readonly unsettled: string | undefined
  /** The longest pause of this process while clients worked. Gaps shorter than this cannot be told apart from it. */
  readonly ownPauseMs: number
  /** Set if the run changed the members. */
  readonly members: MembershipEnd | undefined
}

/** A cluster that has only just started may need this long. */
const READY_TIMEOUT_MS = 30_000
/** The length of a turn varies by so many percent around the mean. */
const PACE_JITTER_PERCENT = 50
/**
 * A paused node may read requests from its sockets only after it continues, and then has the whole deadline for them.
 * If a write of unknown outcome applied between two final reads, it would look like divergence.
 */
const LATE_WRITE_MS = STORE_TIMEOUT_MS + 500
const FINAL_READ_ATTEMPTS = 10
const PAUSE_RESOLUTION_MS = 10
const FINAL_READ_INTERVAL_MS = 500

/** Rejects if the cluster is not healthy at the start, refuses what the run needs, or a fault cannot be made. */
export async function runCheck(args: RunArguments, options: RunOptions): Promise<RunOutcome> {
  const { endpoints, print, progress } = options
  const random = new SeededRandom(args.seed)
  const recorder = new Recorder()
  const fleet = new Fleet(endpoints, options.token)
  const keys = args.workload.keys(args.keys)
  const keyPrefix = `check/${args.seed}-${Date.now().toString(36)}/`
  const client = args.workload.start({
    bucket: args.bucket,
    consistency: args.consistency,
    keyPrefix,
    keys,
  })
  const seatAt = (index: number): Seat => {
    const own = fleet.at(index)
    return {
      index,
      client: own,
      get everywhere() {
        return fleet.present
      },
      session: recorder.session(own.node, args.workload.hasSessions),
      random: random.child(`client ${index}`),
    }
  }
  try {
    progress.show(() => ({ text: 'waiting until every node is ready' }))
    const notReady = await settle(fleet.present, READY_TIMEOUT_MS)
    if (notReady !== undefined)
      throw new Error(`the cluster is not healthy, so the check cannot start: ${notReady}`)
    await client.prepare(seatAt(0))
    const notPromisedBy = args.workload.notPromisedBy(
      await fleet.at(0).modeOf(args.bucket),
      args.consistency,
    )
    const pauses = monitorEventLoopDelay({ resolution: PAUSE_RESOLUTION_MS })
    pauses.enable()
    const changes = changesOf(args, options)
    const driving = { client, fleet, seatAt, recorder, random, changes }
    const made = await drive(args, options, driving).finally(() => pauses.disable())
    if (recorder.events.some(({ type, process }) => type === 'info' && process !== NEMESIS)) {
      progress.show(() => ({ text: 'waiting for writes of unknown outcome' }))
      await sleep(LATE_WRITE_MS)
    }
    progress.show(() => ({ text: 'waiting until the cluster is healthy' }))
    print('        waiting until every node is ready and all hints are delivered')
    const unsettled = await settle(fleet.present, SETTLE_TIMEOUT_MS)
    if (unsettled === undefined)
      await readFinally(
        client,
        fleet.present.map((_, index) => seatAt(index)),
        keys,
        progress,
      )
    else
      print(`        the cluster did not become healthy, so there are no final reads: ${unsettled}`)
    progress.show(checkingWork(recorder.events))
    const verdict = args.workload.model.check(recorder.events)
    const ownPauseMs = Math.round(pauses.max / 1e6)
    const members =
      options.membership !== undefined && changes.length > 0
        ? await endOfMembership(changes, made, { fleet, driver: options.membership })
        : undefined
    const history = recorder.events
    return { verdict, notPromisedBy, history, keyPrefix, unsettled, ownPauseMs, members }
  } finally {
    await fleet.close()
  }
}

function changesOf(args: RunArguments, { endpoints, membership }: RunOptions): PlannedChange[] {
  if (!args.changesMembers || membership === undefined) return []
  const nodes = endpoints.map(({ node }) => node)
  return planChanges(nodes, membership.newcomers, args.timeLimitMs)
}

interface Drive {
  readonly client: Client
  readonly fleet: Fleet
  readonly changes: readonly PlannedChange[]
  readonly seatAt: (index: number) => Seat
  readonly recorder: Recorder
  readonly random: SeededRandom
}

/**
 * Runs clients and nemesis side by side until the time is over and no fault is on. An error of either ends both.
 * Resolves with the changes of the members that were made.
 */
async function drive(
  args: RunArguments,
  options: RunOptions,
  of: Drive,
): Promise<readonly PlannedChange[]> {
  const { client, fleet, seatAt, recorder, random, changes } = of
  const startedAtMs = recorder.elapsedMs
  const failure = new AbortController()
  const stop = AbortSignal.any([options.stop, failure.signal])
  const { timeLimitMs } = args
  const over = AbortSignal.any([stop, AbortSignal.timeout(timeLimitMs)])
  options.progress.show(() => {
    const elapsedMs = recorder.elapsedMs - startedAtMs
    const { length: events } = recorder.events
    return clientsWork({ elapsedMs, timeLimitMs, events, isStopped: stop.aborted })
  })
  const guard = async (work: Promise<void>): Promise<void> => {
    try {
      await work
    } catch (error) {
      failure.abort()
      throw error
    }
  }
  const plan = planFaults(random.child('nemesis'), {
    faults:
      changes.length === 0
        ? args.faults
        : args.faults.filter((fault) => OF_ONE_NODE.includes(fault)),
    nodes: steadyNodes(
      options.endpoints.map(({ node }) => node),
      changes,
    ),
    timeLimitMs,
  })
  const { driver, print } = options
  const faults =
    driver === undefined || plan.length === 0
      ? Promise.resolve()
      : guard(runNemesis(plan, { driver, recorder, startedAtMs, over, stop, print }))
  const clientsOver = new AbortController()
  const timeOver = over.aborted ? undefined : once(over, 'abort')
  void Promise.allSettled([timeOver, faults]).then(() => clientsOver.abort())
  const clientsStop = AbortSignal.any([stop, clientsOver.signal])
  const meanMs = (args.clients / args.rate) * 1000
  const work = Array.from({ length: args.clients }, (_, index) =>
    guard(takeTurns(client, fleet, () => seatAt(index), meanMs, clientsStop)),
  )
  work.push(faults)
  let made: readonly PlannedChange[] = []
  const { membership } = options
  if (membership !== undefined && changes.length > 0) {
    const run = { fleet, driver: membership, recorder, startedAtMs, stop: over, print }
    const changing = runChanges(changes, run).then((begun) => {
      made = begun
    })
    work.push(guard(changing))
  }
  const failed = (await Promise.allSettled(work)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
  return made
}

/** A client that fell behind its pace continues at once, but does not make up for missed turns. */
async function takeTurns(
  client: Client,
  fleet: Fleet,
  takeSeat: () => Seat,
  meanMs: number,
  over: AbortSignal,
): Promise<void> {
  let seat = takeSeat()
  let { version } = fleet
  while (!over.aborted) {
    if (version !== fleet.version) {
      seat = takeSeat()
      version = fleet.version
    }
    const startedAtMs = performance.now()
    await client.turn(seat)
    const jitter = seat.random.below(2 * PACE_JITTER_PERCENT + 1) - PACE_JITTER_PERCENT
    const restMs = meanMs * (1 + jitter / 100) - (performance.now() - startedAtMs)
    if (restMs > 0) await sleep(restMs, undefined, { signal: over }).catch(() => undefined) // Over: the loop sees it.
  }
}

/** Reads through one node after the other, so that later reads see the repairs of the first. */
async function readFinally(
  client: Client,
  seats: readonly Seat[],
  keys: readonly string[],
  progress: Progress,
): Promise<void> {
  let done = 0
  progress.show(() => finalReadsWork(done, seats.length * keys.length))
  for (const seat of seats) {
    for (const key of keys) {
      for (
        let attempt = 1;
        !(await client.finalRead(seat, key)) && attempt < FINAL_READ_ATTEMPTS;
        attempt++
      ) {
        await sleep(FINAL_READ_INTERVAL_MS)
      }
      done++
    }
  }
}
