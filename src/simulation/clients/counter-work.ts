/**
 * The workload `counter`: increments, up and down, through any node at any level. Half of them have an idempotency key.
 * Any client may send these again, through any node, whatever their earlier outcome. At rest a counter is exactly the
 * sum of all acknowledged increments, each once, and of some increments of unknown outcome.
 */
import type { PlainLevel } from '../../core/quorum/level.ts'
import { counterValue } from '../../core/causality/counter.ts'
import { fingerprintOf } from '../../core/causality/update-name.ts'
import { type Asked, requestOptions, type Via } from './client.ts'
import { chooseKey } from './value-work.ts'
import { Violation } from '../checks/violation.ts'
import { readEach, type Workload } from './client-workload.ts'

const LEVELS: readonly PlainLevel[] = ['eventual', 'quorum', 'quorum', 'all']

interface Increment {
  readonly delta: number
  /** The key of all its requests, if it may be sent again. */
  readonly idempotencyKey: string | undefined
  isQuorum: boolean
  /** The number of its requests under way. */
  open: number
  outcome: 'pending' | 'ok' | 'rejected' | 'unknown'
  endUs: number
}

/** Keeps sums of ended increments, and single increments only if they are under way or unknown. */
class CounterHistory {
  readonly #name: string
  /** The sum acknowledged at any level, and the increments acknowledged at a level that quorum reads see. */
  #acknowledged = 0
  readonly #atQuorum: Increment[] = []
  #quorumBase = 0
  readonly #uncertain = new Set<Increment>()

  constructor(name: string) {
    this.#name = name
  }

  begin(increment: Increment): void {
    increment.open++
    if (increment.outcome !== 'ok') this.#uncertain.add(increment)
  }

  /** Takes the end of one of its requests. */
  end(
    increment: Increment,
    outcome: 'ok' | 'rejected' | 'unknown',
    isQuorum: boolean,
    nowUs: number,
  ): void {
    increment.open--
    if (increment.outcome === 'ok') return
    // A rejected request proves nothing about the other requests of the increment.
    if (outcome === 'rejected' && (increment.outcome === 'unknown' || increment.open > 0)) return
    increment.outcome = outcome
    increment.endUs = nowUs
    increment.isQuorum = isQuorum
    if (outcome === 'unknown') return
    this.#uncertain.delete(increment)
    if (outcome === 'rejected') return
    this.#acknowledged += increment.delta
    if (isQuorum) this.#atQuorum.push(increment)
    else this.#loose.push(increment)
  }

  /** Acknowledged increments that a quorum read need not see yet. */
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
      `the counter is ${value}, but the acknowledged increments sum to ${this.#acknowledged}, and no subset of ` +
        `the increments of unknown outcome (${open.map(({ delta }) => delta).join(', ')}) makes up the difference`,
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
      `the counter is ${value}, but it must lie between ${least} and ${most}`,
      this.#name,
    )
  }
}

const WINDOW_US = 60_000_000
const SUBSETS_MAX = 200
const NAMED_PERCENT = 50
const REPEAT_PERCENT = 35
/** How many increments may be sent again, over all keys. */
const REPEATABLE_MAX = 40

export function counterWork(bucket: string, keys: readonly string[]): Workload {
  const histories = new Map(keys.map((key) => [key, new CounterHistory(`${bucket}/${key}`)]))
  const historyOf = (key: string): CounterHistory => histories.get(key) as CounterHistory
  const repeatable: { readonly key: string; readonly made: Increment }[] = []
  const keep = (key: string, made: Increment): void => {
    if (made.idempotencyKey === undefined) return
    repeatable.push({ key, made })
    if (repeatable.length > REPEATABLE_MAX) repeatable.shift()
  }
  let named = 0
  return {
    work: {
      turn: (via, done) => {
        const key = chooseKey(keys, via.random)
        const level = LEVELS[via.random.below(LEVELS.length)] as PlainLevel
        const asked = { bucket, key, level }
        if (via.random.chance(25)) readCounter(via, asked, historyOf(key), done)
        else if (repeatable.length > 0 && via.random.chance(REPEAT_PERCENT)) {
          const { key: again, made } = repeatable[via.random.below(repeatable.length)] as {
            key: string
            made: Increment
          }
          increment(via, { ...asked, key: again }, made, historyOf(again), done)
        } else {
          const isNamed = via.random.chance(NAMED_PERCENT)
          const made = newIncrement(via, isNamed ? `name ${named++}` : undefined)
          keep(key, made)
          increment(via, asked, made, historyOf(key), done)
        }
      },
    },
    readAll: readEach(
      keys,
      (key) => ({ label: key, options: requestOptions({ bucket, key, level: 'all' }) }),
      (_via, key, answer) => historyOf(key).seenAtRest(Number(counterValue(answer.siblings))),
    ),
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

function newIncrement({ random }: Via, idempotencyKey: string | undefined): Increment {
  const delta = 1 + random.below(9) - (random.chance(30) ? 10 : 0)
  return { delta, idempotencyKey, isQuorum: false, open: 0, outcome: 'pending', endUs: Infinity }
}

/** Sends the increment, for the first time or again. */
function increment(
  via: Via,
  asked: Asked,
  made: Increment,
  history: CounterHistory,
  done: () => void,
): void {
  const { delta, idempotencyKey } = made
  history.begin(made)
  const change = { type: 'counter', increment: delta } as const
  const fingerprint = idempotencyKey && fingerprintOf(new Uint8Array(0), [String(delta)])
  const request = { ...requestOptions(asked), change, idempotencyKey, fingerprint }
  via.call(
    `increment ${asked.key} by ${delta} ${asked.level} ${idempotencyKey ?? ''}`,
    (service) => service.update(request),
    (outcome) => {
      history.end(made, outcome.type, asked.level !== 'eventual', via.nowUs())
      done()
    },
  )
}
