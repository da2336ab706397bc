/**
 * A store that keeps its causal promises, for histories that are known to be good. Replicas apply writes after
 * their causes; sessions move between them, and are made to wait (here: the replica is brought up) until what
 * they know of is there. A key holds its concurrent values side by side, or the last by Lamport's clock.
 */
import type { Json } from '../../../src/checker/history/history.ts'
import type { Deed } from './causal-told.ts'

/** One turn: numbers that are taken modulo what there is to choose from. */
export interface Turn {
  readonly session: number
  readonly replica: number
  readonly key: number
  readonly what: number
  readonly luck: number
  /** How long the operation goes on while others work. */
  readonly lasts: number
}

export interface StoreOptions {
  readonly sessions: number
  readonly replicas: number
  readonly keys: number
  readonly keepsSiblings: boolean
  readonly hasDeletes: boolean
}

interface Update {
  readonly id: number
  readonly key: string
  readonly isDelete: boolean
  /** All of its causes. */
  readonly past: ReadonlySet<Update>
  readonly clock: number
}

/** What the clients did, and final reads of every key through every replica. */
export function runStore(turns: readonly Turn[], options: StoreOptions): Deed[] {
  const { sessions, replicas, keys, keepsSiblings, hasDeletes } = options
  const stored = Array.from({ length: replicas }, () => new Set<Update>())
  const known = Array.from({ length: sessions }, () => new Set<Update>())
  /** When a session's last operation is over. */
  const busyTo = Array.from({ length: sessions }, () => 0)
  const all: Update[] = []
  const deeds: Deed[] = []
  for (const [i, turn] of turns.entries()) {
    const session = turn.session % sessions
    const replica = turn.replica % replicas
    const key = `k${turn.key % keys}`
    const now = 10 * (i + 1)
    const from = Math.max(now - 10 * (turn.lasts % 4), busyTo[session]!) + 0.25 + session / 100
    const to = now + 10 * ((turn.lasts >> 2) % 4) + 0.5 + session / 100
    if (from >= now) continue
    busyTo[session] = to
    const times = { session, key, node: `n${replica + 1}`, from, to }
    const mine = known[session]!
    const there = stored[replica]!
    if (turn.luck % 3 === 0) spread(all, there, turn.luck)
    mine.forEach((update) => there.add(update))
    if (turn.what % 2 === 0) {
      const end = turn.luck % 11 === 0 ? 'info' : 'ok'
      const held = valuesIn(there, key, keepsSiblings)
      deeds.push({ ...times, f: 'read', value: answerOf(held), end })
      if (end === 'ok') for (const update of held) learn(mine, update)
      continue
    }
    const end = turn.luck % 7 === 0 ? 'info' : turn.luck % 7 === 1 ? 'fail' : 'ok'
    const isDelete = hasDeletes && turn.what % 5 === 0
    deeds.push({ ...times, f: isDelete ? 'delete' : 'write', value: i, end })
    if (end === 'fail' || (end === 'info' && turn.luck % 2 === 0)) continue
    const clock = 1 + Math.max(0, ...[...there].map((update) => update.clock))
    const update = { id: i, key, isDelete, past: new Set(mine), clock }
    all.push(update)
    there.add(update)
    if (end === 'ok') mine.add(update)
  }
  const end = 10 * (turns.length + 10)
  for (const replica of stored.keys()) {
    for (let key = 0; key < keys; key++) {
      const from = end + 10 * (replica * keys + key)
      const held = valuesIn(new Set(all), `k${key}`, keepsSiblings)
      const common = { session: sessions + replica, key: `k${key}`, node: `n${replica + 1}` }
      deeds.push({ ...common, f: 'read', value: answerOf(held), end: 'ok', from, to: from + 5 })
    }
  }
  return deeds
}

/** Some of what is elsewhere arrives, each after its causes. */
function spread(all: readonly Update[], there: Set<Update>, luck: number): void {
  for (const [i, update] of all.entries()) {
    if ((luck >> (i % 13)) % 2 === 1 && [...update.past].every((cause) => there.has(cause))) {
      there.add(update)
    }
  }
}

function valuesIn(there: ReadonlySet<Update>, key: string, keepsSiblings: boolean): Update[] {
  const own = [...there].filter((update) => update.key === key)
  const winners = keepsSiblings
    ? own.filter((update) => !own.some(({ past }) => past.has(update)))
    : own.sort((a, b) => a.clock - b.clock || a.id - b.id).slice(-1)
  return winners.filter(({ isDelete }) => !isDelete)
}

function learn(mine: Set<Update>, update: Update): void {
  mine.add(update)
  for (const cause of update.past) mine.add(cause)
}

function answerOf(held: readonly Update[]): Json {
  if (held.length === 0) return null
  return held.length === 1 ? held[0]!.id : held.map(({ id }) => id)
}
