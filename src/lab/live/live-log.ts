/**
 * The time line of a live cluster: what has changed from one event of the node to the next. The node tells states and
 * totals; this finds the differences.
 *
 * Invariant: it keeps what happened in the last WINDOW_MS, and never more than ENTRIES_MAX entries.
 */
import { listWords } from '../picture/cluster-verdict.ts'
import { silentMembers } from './live-sight.ts'
import type { NodeRepairs, NodeRequests, NodeStatus } from './node-status.ts'
import { type Outcome, outcomeOf } from './outcome.ts'

export interface LiveEntry {
  readonly atMs: number
  readonly row: LiveRow
  /** One character. */
  readonly sign: string
  readonly words: string
  /** The worst outcome, if it is about outcomes. */
  readonly state?: Outcome
}

export type LiveRow = (typeof LIVE_ROWS)[number]

export const LIVE_ROWS = ['Members', 'Links', 'Hints', 'Repairs', 'Requests'] as const
export const WINDOW_MS = 15 * 60_000
const ENTRIES_MAX = 3000
/** Requests of so much time become one entry. */
const REQUESTS_MS = 5000

const REPAIR_WORDS = {
  readRepairs: (count, peer) => `repaired ${copies(count)} of ${peer} after a read`,
  exchangedKeys: (count, peer) =>
    `made ${count === 1 ? 'a key' : `${count} keys`} equal with ${peer}`,
  movedKeys: (count, peer) => `took over ${copies(count)} from ${peer}`,
} as const satisfies Partial<Record<keyof NodeRepairs, (count: number, peer: string) => string>>

export class LiveLog {
  #entries: LiveEntry[] = []
  #status: NodeStatus | undefined
  #repairs: NodeRepairs | undefined
  #requests: NodeRequests | undefined
  /** The requests of the last slot of time: since when, and their entry. */
  #slot:
    | { readonly before: NodeRequests; readonly atMs: number; readonly entry: LiveEntry }
    | undefined

  /** The oldest first. */
  get entries(): readonly LiveEntry[] {
    return this.#entries
  }

  /** The newest state is unknown from now on, so the next events tell no differences. */
  note(atMs: number, sign: '▲' | '△', words: string): void {
    this.#add(atMs, 'Members', sign, words)
    this.#repairs = undefined
    this.#requests = undefined
    this.#slot = undefined
  }

  status(status: NodeStatus): void {
    const before = this.#status
    this.#status = status
    if (before === undefined) return
    const atMs = Date.parse(status.time)
    this.#members(before, status, atMs)
    this.#links(before, status, atMs)
  }

  repairs(repairs: NodeRepairs): void {
    const before = this.#repairs
    this.#repairs = repairs
    if (before === undefined) return
    const atMs = Date.parse(repairs.time)
    const self = this.#status?.node ?? 'the node'
    const tell = (
      name: keyof Omit<NodeRepairs, 'time'>,
      say: (count: number, peer: string) => void,
    ): void => {
      for (const [peer, total] of Object.entries(repairs[name])) {
        const count = total - (before[name][peer] ?? 0)
        if (count > 0) say(count, peer === '' ? 'another node' : peer)
      }
    }
    tell('hintsStored', (count, peer) =>
      this.#add(atMs, 'Hints', '✉', `${self} keeps ${hints(count)} for ${peer}`),
    )
    tell('hintsDelivered', (count, peer) =>
      this.#add(atMs, 'Hints', '✓', `${self} delivered ${hints(count)} to ${peer}`, 'ok'),
    )
    tell('hintsDropped', (count, peer) =>
      this.#add(atMs, 'Hints', '✕', `${self} dropped ${hints(count)} for ${peer}`),
    )
    for (const name of ['readRepairs', 'exchangedKeys', 'movedKeys'] as const) {
      tell(name, (count, peer) =>
        this.#add(atMs, 'Repairs', '◆', `${self} ${REPAIR_WORDS[name](count, peer)}`),
      )
    }
  }

  requests(requests: NodeRequests): void {
    const last = this.#requests
    this.#requests = requests
    if (last === undefined) return
    const nowMs = Date.parse(requests.time)
    const slot = this.#slot
    const isSame = slot !== undefined && nowMs - slot.atMs < REQUESTS_MS
    const before = isSame ? slot.before : last
    const atMs = isSame ? slot.atMs : nowMs
    const said = newRequests(before, requests)
    if (said === undefined) return
    if (isSame) this.#entries = this.#entries.filter((entry) => entry !== slot.entry)
    const entry = this.#add(atMs, 'Requests', said.sign, said.words, said.state)
    this.#slot = { before, atMs, entry }
  }

  #members(before: NodeStatus, now: NodeStatus, atMs: number): void {
    const self = now.node
    const [wasSilent, isSilent] = [silentMembers(before), silentMembers(now)]
    const lost = isSilent.filter((id) => !wasSilent.includes(id))
    const back = wasSilent.filter((id) => !isSilent.includes(id))
    if (lost.length > 0) {
      const verb = lost.length === 1 ? 'does' : 'do'
      this.#add(atMs, 'Members', '▲', `${listWords(lost)} ${verb} not answer ${self}`)
    }
    if (back.length > 0) {
      const verb = back.length === 1 ? 'answers' : 'answer'
      this.#add(atMs, 'Members', '△', `${listWords(back)} ${verb} ${self} again`)
    }
    const [old, young] = [before, now].map(({ members }) => members.map(({ id }) => id)) as [
      string[],
      string[],
    ]
    for (const id of young) if (!old.includes(id)) this.#add(atMs, 'Members', '●', `${id} joined`)
    for (const id of old) if (!young.includes(id)) this.#add(atMs, 'Members', '○', `${id} left`)
  }

  /** Links between members that both answer; of the others, the row of the members tells. */
  #links(before: NodeStatus, now: NodeStatus, atMs: number): void {
    const hears = (status: NodeStatus, id: string): boolean => !silentMembers(status).includes(id)
    const change = (wasUp: boolean): string[] =>
      Object.entries(now.reachability).flatMap(([from, states]) =>
        Object.entries(states ?? {}).flatMap(([to, state]) => {
          const old = before.reachability[from]?.[to]
          const isChanged =
            old !== undefined && (old === 'up') === wasUp && (state === 'up') !== wasUp
          return isChanged && hears(before, to) && hears(now, to) ? [`${from} → ${to}`] : []
        }),
      )
    const [cut, whole] = [change(true), change(false)]
    if (cut.length > 0) this.#add(atMs, 'Links', '▲', `cut: ${cut.join(', ')}`)
    if (whole.length > 0) this.#add(atMs, 'Links', '△', `whole again: ${whole.join(', ')}`)
  }

  #add(
    atMs: number,
    row: LiveRow,
    sign: string,
    words: string,
    state?: LiveEntry['state'],
  ): LiveEntry {
    const entry: LiveEntry = { atMs, row, sign, words, ...(state === undefined ? {} : { state }) }
    // Entries lie far ahead if the clock of the node was set back.
    const before = this.#entries.filter((each) => Math.abs(each.atMs - atMs) < WINDOW_MS)
    const place = before.findLastIndex((each) => each.atMs <= atMs) + 1
    this.#entries = before.toSpliced(place, 0, entry).slice(-ENTRIES_MAX)
    return entry
  }
}

/** What clients were answered between the two; undefined if nothing. */
function newRequests(
  before: NodeRequests,
  now: NodeRequests,
): { readonly sign: string; readonly words: string; readonly state: Outcome } | undefined {
  const counts = { ok: 0, rejected: 0, unknown: 0 }
  const codes = new Set<string>()
  for (const { code, count } of differences(before, now)) {
    counts[outcomeOf(code)] += count
    if (outcomeOf(code) !== 'ok') codes.add(code)
  }
  const state = counts.unknown > 0 ? 'unknown' : counts.rejected > 0 ? 'rejected' : 'ok'
  const told = (['ok', 'rejected', 'unknown'] as const).filter((each) => counts[each] > 0)
  if (told.length === 0) return undefined
  const parts = told.map((each) => `${counts[each]} ${each === 'ok' ? 'answered' : each}`)
  const why = codes.size === 0 ? '' : ` (${[...codes].join(', ')})`
  return {
    sign: { ok: '✓', rejected: '✕', unknown: '?' }[state],
    words: `requests at this node: ${parts.join(', ')}${why}`,
    state,
  }
}

function differences(
  before: NodeRequests,
  now: NodeRequests,
): readonly { readonly code: string; readonly count: number }[] {
  const nameOf = ({ op, level, code }: NodeRequests['counts'][number]): string =>
    `${op} ${level} ${code}`
  const old = new Map(before.counts.map((each) => [nameOf(each), each.count]))
  return now.counts
    .map((each) => ({ code: each.code, count: each.count - (old.get(nameOf(each)) ?? 0) }))
    .filter(({ count }) => count > 0)
}

function hints(count: number): string {
  return count === 1 ? 'a hint' : `${count} hints`
}

function copies(count: number): string {
  return count === 1 ? 'a copy' : `${count} copies`
}
