/**
 * The nemesis `membership`: while clients work, and other faults come and go, a node joins, one leaves, and one is
 * replaced, each as soon as the one before is over. At the end nothing may be left on those that have gone, and the
 * others own the same.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fleet } from './fleet.ts'
import type { Recorder } from './recorder.ts'
import { type Endpoint, isRecord, type StoreClient } from './store-client.ts'

/** What the harness needs of whatever runs the nodes. */
export interface MembershipDriver {
  /** Ids of nodes that are not there and can be started. */
  readonly newcomers: readonly [string, string]
  /** Starts a node that asks to join, or to take the place of `replaces`. */
  join(id: string, replaces: string | undefined): Promise<Endpoint>
  /** Stops a node that has left. Resolves with the number of keys that are left on its disk. */
  retire(id: string): Promise<number>
}

export interface PlannedChange {
  readonly atMs: number
  readonly kind: 'join' | 'leave' | 'replace'
  /** Who comes; undefined where nobody does. */
  readonly comes: string | undefined
  readonly goes: string | undefined
}

/** What is found of the members at the end. */
export interface MembershipEnd {
  /** Changes that were made. */
  readonly done: readonly string[]
  /** Those that did not begin while clients worked, because the ones before took too long. */
  readonly notBegun: readonly string[]
  /** Node that has left → keys that were left on its disk. */
  readonly leftovers: Readonly<Record<string, number>>
  /** Member → data partitions that it owns, of the widest bucket. */
  readonly owned: Readonly<Record<string, number>>
  /** What is not as it should be, in words; empty where all is well. */
  readonly wrongs: readonly string[]
}

/** When each begins, in a hundred of the run: all are over before its end, if nothing keeps them. */
const STARTS_PERCENT = [8, 36, 62] as const
const MEMBERS_MIN = 4
/** Beyond the run's own time: what keeps a change from its end is gone by then. */
const END_TIMEOUT_MS = 90_000
const POLL_MS = 250
const ASK_TIMEOUT_MS = 3000
/** Data partitions by which members may differ; all are of one zone. */
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

/** Those that are there from the beginning to the end: other faults befall these. */
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
  /** Of the clients: no change begins after it. */
  readonly stop: AbortSignal
  readonly print: (line: string) => void
}

/** Makes the changes; resolves with those that are over, or under way, when the clients' time is. */
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
    else throw new Error(`${what} was not over after ${END_TIMEOUT_MS / 1000} s`)
    if (change.goes !== undefined) await of.fleet.remove(change.goes)
  }
  return begun
}

/** After the clients, on a healed cluster. */
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
    if (left > 0) wrongs.push(`${goes} has left, and ${left} keys are on its disk`)
  }
  const owned = await ownedBy(of.fleet.at(0))
  const counts = Object.values(owned)
  if (Math.max(...counts) - Math.min(...counts) > SPREAD_MAX) {
    const told = Object.entries(owned).map(([node, count]) => `${node} ${count}`)
    wrongs.push(`the ring is not balanced: ${told.join(', ')}`)
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
    // Refused for good: it is no member any more, because an earlier question was heard after all.
    if (answer?.status === 409 && codeOf(answer.json) === 'change_refused') return
    if (performance.now() > endMs) throw new Error(`${goes} could not be told to leave`)
    await sleep(POLL_MS)
  }
}

/** Whether some member says so within that time. */
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
