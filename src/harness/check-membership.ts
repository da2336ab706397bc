/**
 * The nemesis `membership`: while clients work and other faults come and go, a node joins, one leaves, and one is
 * replaced. Each change begins after the one before has ended. At the end no key may be left on nodes that have left,
 * and the members must own about the same number of data partitions.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fleet } from './fleet.ts'
import type { Recorder } from './recorder.ts'
import { type Endpoint, isRecord, type StoreClient } from './store-client.ts'

/** The interface that the harness needs from the target that runs the nodes. */
export interface MembershipDriver {
  /** Ids of nodes that do not run yet and can be started. */
  readonly newcomers: readonly [string, string]
  /** Starts a node that asks to join, or to take the place of `replaces`. */
  join(id: string, replaces: string | undefined): Promise<Endpoint>
  /** Stops a node that has left. Resolves with the number of keys that are left on its disk. */
  retire(id: string): Promise<number>
}

export interface PlannedChange {
  readonly atMs: number
  readonly kind: 'join' | 'leave' | 'replace'
  /** The node that joins, if any. */
  readonly comes: string | undefined
  /** The node that leaves, if any. */
  readonly goes: string | undefined
}

/** The state of the members at the end of a run. */
export interface MembershipEnd {
  /** The changes that were made. */
  readonly done: readonly string[]
  /** The changes that did not begin while clients worked, because earlier ones took too long. */
  readonly notBegun: readonly string[]
  /** For each node that has left, the number of keys on its disk. */
  readonly leftovers: Readonly<Record<string, number>>
  /** For each member, the number of data partitions that it owns in the bucket with the most copies. */
  readonly owned: Readonly<Record<string, number>>
  /** Descriptions of what is wrong; empty if nothing is. */
  readonly wrongs: readonly string[]
}

/** When each change begins, in percent of the run. All end before the run does, unless a fault delays them. */
const STARTS_PERCENT = [8, 36, 62] as const
const MEMBERS_MIN = 4
/** May exceed the run, because the faults that delay a change end with the run. */
const END_TIMEOUT_MS = 90_000
const POLL_MS = 250
const ASK_TIMEOUT_MS = 3000
/** By how many data partitions the members may differ; all are in one zone. */
const SPREAD_MAX = 4

export function planChanges(
  nodes: readonly string[],
  [first, second]: readonly [string, string],
  timeLimitMs: number,
): PlannedChange[] {
  if (nodes.length < MEMBERS_MIN) return []
  const [joins, leaves, replaced] = STARTS_PERCENT.map((at) =>
    Math.floor((timeLimitMs * at) / 100),
  ) as [number, number, number]
  return [
    { atMs: joins, kind: 'join', comes: first, goes: undefined },
    { atMs: leaves, kind: 'leave', comes: undefined, goes: nodes[1] },
    { atMs: replaced, kind: 'replace', comes: second, goes: nodes[2] },
  ]
}

/** The nodes that are members during the whole run. Other faults hit only these. */
export function steadyNodes(
  nodes: readonly string[],
  changes: readonly PlannedChange[],
): readonly string[] {
  return nodes.filter((node) => changes.every(({ goes }) => goes !== node))
}

export interface MembershipRun {
  readonly fleet: Fleet
  readonly driver: MembershipDriver
  readonly recorder: Recorder
  readonly startedAtMs: number
  /** Aborted when the clients' time is over. No change begins after it. */
  readonly stop: AbortSignal
  readonly print: (line: string) => void
}

/** Makes the changes until the clients' time is over. Resolves with the changes that were made. */
export async function runChanges(
  plan: readonly PlannedChange[],
  of: MembershipRun,
): Promise<PlannedChange[]> {
  const { recorder, stop, print } = of
  const begun: PlannedChange[] = []
  for (const change of plan) {
    const waitMs = of.startedAtMs + change.atMs - recorder.elapsedMs
    await sleep(Math.max(0, waitMs), undefined, { signal: stop }).catch(() => undefined)
    if (stop.aborted) break
    const what = wordsOf(change)
    const note = (f: string): void => {
      recorder.nemesis(f, what)
      const seconds = (recorder.elapsedMs - of.startedAtMs) / 1000
      print(`${seconds.toFixed(1).padStart(6)} s  ${f} ${what}`)
    }
    note('change')
    begun.push(change)
    await begin(change, of)
    if (await isOver(change, of.fleet, END_TIMEOUT_MS)) note('changed')
    else throw new Error(`${what} did not end within ${END_TIMEOUT_MS / 1000} s`)
    if (change.goes !== undefined) await of.fleet.remove(change.goes)
  }
  return begun
}

/** Checks the members after the clients have ended, on a healed cluster. */
export async function endOfMembership(
  plan: readonly PlannedChange[],
  made: readonly PlannedChange[],
  of: Pick<MembershipRun, 'fleet' | 'driver'>,
): Promise<MembershipEnd> {
  const wrongs: string[] = []
  const leftovers: Record<string, number> = {}
  for (const { goes } of made) {
    if (goes === undefined) continue
    const left = await of.driver.retire(goes)
    leftovers[goes] = left
    if (left > 0) wrongs.push(`${goes} has left the cluster, but its disk still holds ${left} keys`)
  }
  const owned = await ownedBy(of.fleet.at(0))
  const counts = Object.values(owned)
  if (Math.max(...counts) - Math.min(...counts) > SPREAD_MAX) {
    const told = Object.entries(owned).map(([node, count]) => `${node} ${count}`)
    wrongs.push(`the members own unequal numbers of data partitions: ${told.join(', ')}`)
  }
  const notBegun = plan.filter((change) => !made.includes(change)).map(wordsOf)
  return { done: made.map(wordsOf), notBegun, leftovers, owned, wrongs }
}

export function wordsOf({ kind, comes, goes }: PlannedChange): string {
  if (kind === 'replace') return `replace ${goes} by ${comes}`
  return `${kind} ${comes ?? goes}`
}

async function begin({ comes, goes }: PlannedChange, of: MembershipRun): Promise<void> {
  if (comes !== undefined) {
    of.fleet.add(await of.driver.join(comes, goes))
    return
  }
  const endMs = performance.now() + END_TIMEOUT_MS
  for (let turn = 0; ; turn++) {
    const answer = await of.fleet
      .at(turn)
      .post('/v1/cluster/apply', { leave: goes }, ASK_TIMEOUT_MS)
      .catch(() => undefined)
    if (answer?.status === 202 || answer?.status === 200) return
    // A final refusal means that the node has left already, because an earlier request succeeded without an answer.
    if (answer?.status === 409 && codeOf(answer.json) === 'change_refused') return
    if (performance.now() > endMs)
      throw new Error(`no node accepted the request to let ${goes} leave`)
    await sleep(POLL_MS)
  }
}

/** Whether some other member reports within the timeout that the change is over. */
async function isOver(change: PlannedChange, fleet: Fleet, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs
  for (let turn = 0; performance.now() < endMs; turn++) {
    const client = fleet.at(turn)
    if (client.node !== change.goes && client.node !== change.comes) {
      const view = await client.ask('GET', '/v1/cluster', ASK_TIMEOUT_MS).catch(() => undefined)
      if (view !== undefined && isDone(change, view.json)) return true
    }
    await sleep(POLL_MS)
  }
  return false
}

function isDone({ comes, goes }: PlannedChange, view: unknown): boolean {
  if (!isRecord(view) || !Array.isArray(view['members']) || view['moves'] !== null) return false
  const members = (view['members'] as unknown[]).map((member) => isRecord(member) && member['id'])
  const isThere = (id: string | undefined): boolean => id !== undefined && members.includes(id)
  return (comes === undefined || isThere(comes)) && !isThere(goes)
}

async function ownedBy(client: StoreClient): Promise<Record<string, number>> {
  const { json } = await client.ask('GET', '/v1/cluster')
  const members = isRecord(json) && Array.isArray(json['members']) ? json['members'] : []
  return Object.fromEntries(
    (members as unknown[])
      .filter(isRecord)
      .map((member) => [String(member['id']), Number(member['partitionsOwned'])]),
  )
}

function codeOf(problem: unknown): unknown {
  return isRecord(problem) ? problem['code'] : undefined
}
