/**
 * Counters and sets under random concurrent updates at three owners and a fallback, with copies that come
 * late, twice and out of order, and owners that crash and lose what was not synced. What the updates should
 * come to is kept beside them, without vectors.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { counterValue, incrementCounter } from '../../src/core/causality/counter.ts'
import { changeSet, elementsOf } from '../../src/core/causality/element-set.ts'
import { standInActor } from '../../src/core/causality/stand-in-actor.ts'
import { ABSENT, merge, type StoredObject } from '../../src/core/causality/stored-object.ts'
import {
  countNames,
  findNamed,
  NAME_WINDOW_TICKS,
  nameOfKey,
} from '../../src/core/causality/update-name.ts'
import { seededRandom } from '../core/seeded-random.ts'
import { canonical } from './replica-runs.ts'

const RUNS = { numRuns: 600, seed: 20_261_123 }
const OWNERS = 3
const STEPS = 60
const EXCHANGE = -1
/** The window of a name, and the life of a stand-in, in the time of a run. */
const WINDOW = 20
const TICKS = NAME_WINDOW_TICKS / WINDOW

/** One update, as it was minted: its object carries the updates in `includes`, and itself. */
interface Minted<T> {
  readonly object: StoredObject
  readonly name: string
  /** When it was minted. */
  readonly time: number
  readonly includes: ReadonlySet<string>
  readonly meaning: T
}

interface Copy<T> {
  readonly object: StoredObject
  /** By name: every update that the copy has heard of, by whatever way. */
  readonly known: ReadonlyMap<string, Minted<T>>
}

interface Owner<T> {
  actor: string
  lives: number
  latest: Copy<T>
  durable: Copy<T>
  /** Since when it has been this actor. */
  bornAt: number
}

interface Update<T> {
  readonly object: StoredObject
  readonly meaning: T
}

type UpdateOf<T> = (
  held: StoredObject,
  actor: string,
  timestamps: () => number,
  random: (bound: number) => number,
  settled: number,
) => Update<T>

const NOTHING = { object: ABSENT, known: new Map() }

function join<T>(a: Copy<T>, b: Copy<T>): Copy<T> {
  return {
    object: merge('siblings', a.object, b.object),
    known: new Map([...a.known, ...b.known]),
  }
}

interface Run<T> {
  /** All copies that are left, durable or not, merged in some order: each of these is the same object. */
  readonly merged: readonly Copy<T>[]
}

/** `whole`: an owner folds only once all its earlier lives are settled, as the contract has it. */
function run<T>(
  seed: number,
  updateAtOwner: UpdateOf<T>,
  updateApart: UpdateOf<T>,
  options: { crashes: boolean; folding: 'none' | 'whole' | 'partial'; ticks?: number },
): Run<T> {
  const { ticks = 1 } = options
  const random = seededRandom(seed)
  let clock = 0
  let names = 0
  const tick = (): number => ++clock
  const owners: Owner<T>[] = Array.from({ length: OWNERS }, (_, i) => ({
    actor: `n${i}~0`,
    lives: 0,
    latest: NOTHING,
    durable: NOTHING,
    bornAt: 0,
  }))
  /** All that was ever sent: each may come any number of times, in any order. */
  const messages: Copy<T>[] = []
  let standIn: { readonly actor: string; readonly begun: number; copy: Copy<T> } | undefined
  const anyOwner = (): Owner<T> => owners[random(OWNERS)] as Owner<T>

  /** Up to here, every update is durable at every owner. */
  const settledTime = (): number => {
    const updates = [...owners.map(({ latest }) => latest), ...messages].reduce(join, NOTHING).known
    let settled = clock
    for (const { name, time } of updates.values()) {
      if (owners.every(({ durable }) => durable.known.has(name))) continue
      settled = Math.min(settled, time - 1)
    }
    return settled
  }

  /** A while without trouble: everything comes everywhere. */
  const exchange = (): void => {
    const all = [...owners.map(({ latest }) => latest), ...messages].reduce(join, NOTHING)
    for (const owner of owners) owner.latest = owner.durable = all
  }

  const update = (held: Copy<T>, actor: string, make: UpdateOf<T>, settled: number): Copy<T> => {
    const { object, meaning } = make(held.object, actor, tick, random, settled)
    const name = `u${names++}`
    const time = clock
    const includes = new Set(held.known.keys())
    return {
      object,
      known: new Map(held.known).set(name, { object, name, time, includes, meaning }),
    }
  }

  for (let step = 0; step < STEPS; step++) {
    const dice = random(40) === 0 ? EXCHANGE : random(20)
    const owner = anyOwner()
    if (dice === EXCHANGE) {
      exchange()
    } else if (dice < 8) {
      let settled = 0
      if (options.folding !== 'none') settled = settledTime()
      if (options.folding === 'whole' && settled < owner.bornAt) settled = 0
      owner.latest = update(owner.latest, owner.actor, updateAtOwner, settled)
      messages.push(owner.latest)
    } else if (dice < 10) {
      // It ends early enough for all that it may mint in one go.
      if (standIn === undefined || clock > standIn.begun + WINDOW - 10 || random(4) === 0) {
        const begun = tick()
        standIn = { actor: standInActor('n9~0', begun * ticks), begun, copy: NOTHING }
      }
      standIn.copy = update(standIn.copy, standIn.actor, updateApart, 0)
      messages.push(standIn.copy)
    } else if (dice < 16) {
      const message = messages[random(Math.max(1, messages.length))]
      if (message !== undefined) owner.latest = join(owner.latest, message)
    } else if (dice < 19) {
      owner.durable = owner.latest
    } else if (options.crashes) {
      owner.latest = owner.durable
      owner.lives++
      owner.actor = `${owner.actor.slice(0, 2)}~${owner.lives}`
      owner.bornAt = tick()
    }
  }
  const left = [...owners.map(({ latest }) => latest), ...messages]
  const backwards = left.toReversed()
  const twice = [...left.slice(1), ...backwards, left[0] as Copy<T>]
  return { merged: [left, backwards, twice].map((copies) => copies.reduce(join, NOTHING)) }
}

const increment: UpdateOf<number> = (held, actor, tick, random, settled) => {
  const delta = random(21) - 10
  const dots = [{ actor, timestamp: tick() }]
  const folding = { nodeId: actor.slice(0, 2), settled, foldsForAll: false }
  const object = incrementCounter(held, dots, delta, folding)
  if (object === undefined) throw new Error('the counter is at its limit')
  return { object, meaning: delta }
}

interface NamedIncrement {
  readonly key: string
  readonly delta: number
}

interface Naming {
  /** Below 1, a name is folded before its window has passed. */
  readonly patience?: number
  /** The repeat of a key is made as if it had none. */
  readonly forgets?: boolean
}

/** Increments under keys that are sent again, to anybody, within the window of their first; some have none. */
function namedIncrement({ patience = 1, forgets = false }: Naming = {}): UpdateOf<NamedIncrement> {
  const keys: (NamedIncrement & { readonly since: number; readonly isNamed: boolean })[] = []
  return (held, actor, tick, random, settled) => {
    const now = tick()
    const open = keys.filter(({ since, isNamed }) => isNamed && now - since < WINDOW)
    const again = random(3) > 0 ? open[random(Math.max(1, open.length))] : undefined
    const isNamed = random(4) > 0
    const asked = again ?? { key: `k${keys.length}`, delta: random(21) - 10, since: now, isNamed }
    if (again === undefined) keys.push(asked)
    const meaning = { key: asked.key, delta: asked.delta }
    const name = asked.isNamed && !forgets ? nameOfKey(asked.key, undefined) : undefined
    if (name !== undefined && findNamed(held.siblings, name.id) !== undefined) {
      return { object: held, meaning }
    }
    const times = name === undefined ? [now] : [now, tick()]
    const dots = times.map((time) => ({ actor, timestamp: time * TICKS }))
    const waived = (1 - patience) * NAME_WINDOW_TICKS
    const folding = {
      nodeId: actor.slice(0, 2),
      settled: settled === 0 ? 0 : settled * TICKS + waived,
      foldsForAll: actor.startsWith('n0~'),
    }
    const object = incrementCounter(held, dots, asked.delta, folding, name)
    if (object === undefined) throw new Error('the counter is at its limit')
    return { object, meaning }
  }
}

function sumOfKeys({ known }: Copy<NamedIncrement>): bigint {
  const byKey = new Map([...known.values()].map(({ meaning }) => [meaning.key, meaning.delta]))
  return [...byKey.values()].reduce((sum, delta) => sum + BigInt(delta), 0n)
}

/** What a run comes to; its keys are its own. */
function runNamed(
  seed: number,
  folding: 'none' | 'whole',
  naming: Naming = {},
): Copy<NamedIncrement> {
  const update = namedIncrement(naming)
  return expectSameObjects(run(seed, update, update, { crashes: true, folding, ticks: TICKS }))
}

interface SetUpdate {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

const ELEMENTS = ['a', 'b', 'c', 'd']
const encoder = new TextEncoder()
const decoder = new TextDecoder()

function setUpdate(removes: boolean): UpdateOf<SetUpdate> {
  return (held, actor, tick, random) => {
    const fates = ELEMENTS.map((element) => ({ element, fate: random(4) }))
    const added = fates.filter(({ fate }) => fate === 0).map(({ element }) => element)
    const removed = fates.filter(({ fate }) => fate === 1).map(({ element }) => element)
    const meaning = { added, removed: removes ? removed : [] }
    const dots = (added.length === 0 ? [''] : added).map(() => ({ actor, timestamp: tick() }))
    const encode = (texts: readonly string[]): Uint8Array[] => texts.map((t) => encoder.encode(t))
    const object = changeSet(held, dots, encode(meaning.added), encode(meaning.removed))
    return { object, meaning }
  }
}

/** An element is there if some update added it that no update which knew of it removed. */
function expectedElements(known: ReadonlyMap<string, Minted<SetUpdate>>): string[] {
  const updates = [...known.values()]
  return ELEMENTS.filter((element) =>
    updates.some(
      ({ name, meaning }) =>
        meaning.added.includes(element) &&
        !updates.some(
          (other) => other.includes.has(name) && other.meaning.removed.includes(element),
        ),
    ),
  )
}

function expectSameObjects<T>({ merged }: Run<T>): Copy<T> {
  const [first, ...others] = merged as [Copy<T>, ...Copy<T>[]]
  for (const other of others) expect(canonical(other.object)).toEqual(canonical(first.object))
  return first
}

function sumOf({ known }: Copy<number>): bigint {
  return [...known.values()].reduce((sum, { meaning }) => sum + BigInt(meaning), 0n)
}

describe('counter', () => {
  it.each(['none', 'whole'] as const)('is the sum of its increments; folding: %s', (folding) => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const copy = expectSameObjects(run(seed, increment, increment, { crashes: true, folding }))
        expect(counterValue(copy.object.siblings)).toBe(sumOf(copy))
      }),
      RUNS,
    )
  })

  it('has at most one sibling for each actor, and folded ones are few', () => {
    let without = 0
    let folded = 0
    for (let seed = 0; seed < 200; seed++) {
      const siblings = (folding: 'none' | 'whole'): number => {
        const { object } = expectSameObjects(
          run(seed, increment, increment, { crashes: true, folding }),
        )
        const actors = object.siblings.map(({ actor }) => actor)
        expect(new Set(actors).size).toBe(actors.length)
        return actors.length
      }
      without += siblings('none')
      folded += siblings('whole')
    }
    expect(folded).toBeLessThan(without)
  })

  it('control: counts twice where an earlier life is folded that is settled in part only', () => {
    let wrong = 0
    for (let seed = 0; seed < 2000 && wrong === 0; seed++) {
      const options = { crashes: true, folding: 'partial' } as const
      const copy = run(seed, increment, increment, options).merged[0] as Copy<number>
      if (counterValue(copy.object.siblings) !== sumOf(copy)) wrong++
    }
    expect(wrong).toBe(1)
  })
})

describe('counter with idempotency keys', () => {
  it.each(['none', 'whole'] as const)('counts each key once; folding: %s', (folding) => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const copy = runNamed(seed, folding)
        expect(counterValue(copy.object.siblings)).toBe(sumOfKeys(copy))
      }),
      { ...RUNS, numRuns: 300 },
    )
  })

  it('keeps fewer names where it folds', () => {
    const names = (folding: 'none' | 'whole'): number => {
      let count = 0
      for (let seed = 0; seed < 100; seed++)
        count += countNames(runNamed(seed, folding).object.siblings)
      return count
    }
    expect(names('whole')).toBeLessThan(names('none'))
  })

  it.each([
    ['a name is folded before its window has passed', { patience: 0 }],
    ['the key of a repeat is not looked at', { forgets: true }],
  ] as const)('control: counts twice where %s', (_, naming) => {
    let wrong = 0
    for (let seed = 0; seed < 2000 && wrong === 0; seed++) {
      const copy = runNamed(seed, 'whole', naming)
      if (counterValue(copy.object.siblings) !== sumOfKeys(copy)) wrong++
    }
    expect(wrong).toBe(1)
  })
})

describe('set', () => {
  it('removes what was seen and keeps what was added concurrently', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const copy = expectSameObjects(
          run(seed, setUpdate(true), setUpdate(false), { crashes: true, folding: 'none' }),
        )
        const elements = elementsOf(copy.object.siblings).map((element) => decoder.decode(element))
        expect(elements).toEqual(expectedElements(copy.known))
      }),
      RUNS,
    )
  })
})
