/**
 * The workload `counter`: increments, up and down, through any node at any level. At rest a counter is exactly
 * the sum of what was acknowledged, and of some of what ended unknown.
 */
import type { PlainLevel } from '../core/quorum/level.ts'
import { counterValue } from '../core/causality/counter.ts'
import { type Asked, requestOptions, type Via, type Work } from './client.ts'
import { chooseKey } from './value-work.ts'
import { Violation } from './violation.ts'

const LEVELS: readonly PlainLevel[] = ['eventual', 'quorum', 'quorum', 'all']

interface Increment {
  readonly delta: number
  readonly startUs: number
  readonly isQuorum: boolean
  outcome: 'pending' | 'ok' | 'unknown'
  endUs: number
}

/** Sums are kept of what has ended; only what is under way or unknown is kept by itself. */
class CounterHistory {
  readonly #name: string
  /** Acknowledged: at any level, and with their ends, at one that quorum reads see. */
  #acknowledged = 0
  readonly #atQuorum: Increment[] = []
  #quorumBase = 0
  readonly #uncertain = new Set<Increment>()

  constructor(name: string) {
    this.#name = name
  }

  begin(increment: Increment): void {
    this.#uncertain.add(increment)
  }

  end(increment: Increment, outcome: 'ok' | 'rejected' | 'unknown', nowUs: number): void {
    increment.endUs = nowUs
    if (outcome === 'unknown') {
      increment.outcome = 'unknown'
      return
    }
    this.#uncertain.delete(increment)
    if (outcome === 'rejected') return
    increment.outcome = 'ok'
    this.#acknowledged += increment.delta
    if (increment.isQuorum) this.#atQuorum.push(increment)
    else this.#loose.push(increment)
  }

  /** Acknowledged, but a quorum read need not see them yet. */
  readonly #loose: Increment[] = []

  seenAtQuorum(value: number, startUs: number): void {
    let certain = this.#quorumBase
    const open: Increment[] = [...this.#uncertain, ...this.#loose]
    for (const increment of this.#atQuorum) {
      if (increment.endUs < startUs) certain += increment.delta
      else open.push(increment)
    }
    this.#checkRange('quorum-read', value, certain, open)
    while ((this.#atQuorum[0]?.endUs ?? Infinity) < startUs - WINDOW_US) {
      this.#quorumBase += this.#atQuorum.shift()?.delta ?? 0
    }
  }

  seenAtRest(value: number): void {
    const open = [...this.#uncertain]
    this.#checkRange('counter', value, this.#acknowledged, open)
    if (open.length > SUBSETS_MAX) return
    let sums = new Set([0])
    for (const { delta } of open) {
      sums = new Set([...sums, ...[...sums].map((sum) => sum + delta)])
    }
    if (sums.has(value - this.#acknowledged)) return
    throw new Violation(
      'counter',
      `the counter is ${value}; acknowledged increments make ${this.#acknowledged}, and no choice of the ` +
        `unknown ones (${open.map(({ delta }) => delta).join(', ')}) the rest`,
      this.#name,
    )
  }

  #checkRange(invariant: string, value: number, certain: number, open: readonly Increment[]): void {
    let least = certain
    let most = certain
    for (const { delta } of open) {
      if (delta < 0) least += delta
      else most += delta
    }
    if (value >= least && value <= most) return
    throw new Violation(
      invariant,
      `the counter is ${value}, and can be no less than ${least} and no more than ${most}`,
      this.#name,
    )
  }
}

const WINDOW_US = 60_000_000
const SUBSETS_MAX = 200

export interface CounterSet {
  readonly work: Work
  readonly readAll: (via: Via, done: (unread: number) => void) => void
}

export function counterWork(bucket: string, keys: readonly string[]): CounterSet {
  const histories = new Map(keys.map((key) => [key, new CounterHistory(`${bucket}/${key}`)]))
  const historyOf = (key: string): CounterHistory => histories.get(key) as CounterHistory
  return {
    work: {
      turn: (via, done) => {
        const key = chooseKey(keys, via.random)
        const level = LEVELS[via.random.below(LEVELS.length)] as PlainLevel
        const asked = { bucket, key, level }
        if (via.random.chance(25)) readCounter(via, asked, historyOf(key), done)
        else increment(via, asked, historyOf(key), done)
      },
    },
    readAll: (via, done) => {
      let waiting = keys.length
      let unread = 0
      for (const key of keys) {
        via.call(
          `final get ${key}`,
          (service) => service.get(requestOptions({ bucket, key, level: 'all' })),
          (outcome) => {
            if (outcome.type === 'ok') {
              historyOf(key).seenAtRest(Number(counterValue(outcome.answer.siblings)))
            } else unread++
            if (--waiting === 0) done(unread)
          },
        )
      }
    },
  }
}

function readCounter(via: Via, asked: Asked, history: CounterHistory, done: () => void): void {
  const startUs = via.nowUs()
  via.call(
    `get ${asked.key} ${asked.level}`,
    (service) => service.get(requestOptions(asked)),
    (outcome) => {
      if (outcome.type === 'ok' && asked.level !== 'eventual') {
        history.seenAtQuorum(Number(counterValue(outcome.answer.siblings)), startUs)
      }
      done()
    },
  )
}

function increment(via: Via, asked: Asked, history: CounterHistory, done: () => void): void {
  const delta = 1 + via.random.below(9) - (via.random.chance(30) ? 10 : 0)
  const made: Increment = {
    delta,
    startUs: via.nowUs(),
    isQuorum: asked.level !== 'eventual',
    outcome: 'pending',
    endUs: Infinity,
  }
  history.begin(made)
  via.call(
    `increment ${asked.key} by ${delta} ${asked.level}`,
    (service) =>
      service.update({ ...requestOptions(asked), change: { type: 'counter', increment: delta } }),
    (outcome) => {
      history.end(made, outcome.type, via.nowUs())
      done()
    },
  )
}
