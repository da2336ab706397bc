/**
 * The rules of what is history. Random runs of a cluster check what they are for, a few owners that write,
 * exchange copies and forget below a horizon: a delete that was forgotten does not come back, and nothing
 * that is news is dropped.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ABSENT,
  merge,
  type StoredObject,
  write,
} from '../../../src/core/causality/stored-object.ts'
import type { Sibling } from '../../../src/core/causality/sibling.ts'
import {
  deadFromMs,
  forgottenFrom,
  isSettled,
  pruneVector,
  VECTOR_ENTRIES_PLENTY,
  withoutHistory,
} from '../../../src/core/repair/horizon.ts'
import { contentOf, run, steps } from '../../properties/replica-runs.ts'
import { EMPTY_VECTOR, vectorOf } from '../../../src/core/causality/version-vector.ts'

const RUNS = { numRuns: 300, seed: 20_261_123 }
/** Runs have up to 30 steps, whose numbers are the timestamps. */
const horizons = fc.nat({ max: 32 })

const pair = fc.tuple(steps, fc.nat(), fc.nat()).map(([taken, ...picks]) => {
  const seen = run('siblings', taken)
  return picks.map((n) => seen[n % seen.length]) as [StoredObject, StoredObject]
})

const sibling = (actor: string, timestamp: number, content: Partial<Sibling> = {}): Sibling => ({
  ...contentOf(`${actor}@${timestamp}`),
  actor,
  timestamp,
  ...content,
})
const tombstone = (actor: string, timestamp: number): Sibling =>
  sibling(actor, timestamp, { value: new Uint8Array(0), contentType: '', tombstone: true })
const object = (...siblings: readonly Sibling[]): StoredObject => ({
  vector: vectorOf(siblings.map(({ actor, timestamp }) => [actor, timestamp])),
  siblings,
})
const dotsOf = ({ siblings }: StoredObject): string[] =>
  siblings.map(({ actor, timestamp }) => `${actor}@${timestamp}`)

describe('history', () => {
  it('is what lies at or below the horizon and is not held; all else of a copy stays', () => {
    fc.assert(
      fc.property(pair, horizons, ([incoming, held], horizon) => {
        const left = withoutHistory(incoming, held, horizon)
        const own = new Set(dotsOf(held))
        const news = incoming.siblings.filter(
          (s) => s.timestamp > horizon || own.has(`${s.actor}@${s.timestamp}`),
        )
        expect(left.siblings).toEqual(news)
        if (news.length === incoming.siblings.length) expect(left).toBe(incoming)
      }),
      RUNS,
    )
  })

  it('takes nothing of the knowledge above the horizon with it', () => {
    fc.assert(
      fc.property(pair, horizons, ([incoming, held], horizon) => {
        const left = withoutHistory(incoming, held, horizon)
        for (const [actor, timestamp] of incoming.vector) {
          if (timestamp > horizon) expect(left.vector.get(actor)).toBe(timestamp)
        }
        // A vector without siblings would be a memory that nobody needs: below the horizon it goes as a whole.
        if (left.siblings.length === 0 && incoming.siblings.length > 0) {
          if (isSettled(incoming, horizon)) expect(left).toEqual(ABSENT)
          else expect(left.vector).toEqual(incoming.vector)
        }
      }),
      RUNS,
    )
  })

  it('is taken away once: what is left has none', () => {
    fc.assert(
      fc.property(pair, horizons, ([incoming, held], horizon) => {
        const left = withoutHistory(incoming, held, horizon)
        expect(withoutHistory(left, held, horizon)).toBe(left)
      }),
      RUNS,
    )
  })

  it('is never a copy that this owner holds, however old', () => {
    fc.assert(
      fc.property(pair, ([copy]) => {
        expect(withoutHistory(copy, copy, Infinity)).toBe(copy)
      }),
      RUNS,
    )
  })

  it('is not what its copy knows of the time above the horizon: that stays, though no sibling does', () => {
    const copy = {
      vector: vectorOf([
        ['n1~a', 1],
        ['n2~a', 9],
      ]),
      siblings: [sibling('n1~a', 1)],
    }
    expect(withoutHistory(copy, ABSENT, 8)).toEqual({ vector: copy.vector, siblings: [] })
    expect(withoutHistory(copy, ABSENT, 9)).toBe(ABSENT)
  })

  it('is what a late message brings after a delete was forgotten', () => {
    const old = object(sibling('n1~a', 5))
    expect(withoutHistory(old, ABSENT, 6)).toBe(ABSENT)
    expect(withoutHistory(old, ABSENT, 5)).toBe(ABSENT)
    expect(withoutHistory(old, ABSENT, 4)).toBe(old)
  })
})

describe('a cluster that forgets', () => {
  const OWNERS = 3
  const owner = fc.nat({ max: OWNERS - 1 })
  type Turn =
    | { readonly type: 'write' | 'delete'; readonly at: number; readonly blind: boolean }
    | { readonly type: 'read' | 'move'; readonly at: number }
    | { readonly type: 'send'; readonly at: number; readonly from: number }
    /** A message that was on its way arrives, for the first time or again. */
    | { readonly type: 'late'; readonly at: number; readonly which: number }
    | { readonly type: 'settle' }
  const turns = fc.array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          type: fc.constantFrom('write' as const, 'delete' as const),
          at: owner,
          blind: fc.boolean(),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ type: fc.constant('send' as const), at: owner, from: owner }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ type: fc.constant('late' as const), at: owner, which: fc.nat() }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          type: fc.constantFrom('read' as const, 'move' as const),
          at: owner,
        }),
      },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('settle' as const) }) },
    ),
    { minLength: 10, maxLength: 80 },
  )

  interface Replica {
    copy: StoredObject
    horizon: number
  }

  /** Drops what is history, merges, and takes away what needs not be remembered: what an owner does with a copy. */
  function receive(replica: Replica, incoming: StoredObject): void {
    const news = withoutHistory(incoming, replica.copy, replica.horizon)
    replica.copy = pruneVector(merge('siblings', replica.copy, news), replica.horizon)
  }

  /** The replicas after the turns and a full exchange, and what they would hold had they forgotten nothing. */
  function play(taken: readonly Turn[]): { replicas: Replica[]; whole: StoredObject } {
    const replicas = Array.from({ length: OWNERS }, (): Replica => ({ copy: ABSENT, horizon: 0 }))
    const memory = Array.from({ length: OWNERS }, () => ABSENT)
    const wire: { copy: StoredObject; memory: StoredObject }[] = []
    let context: { readonly copy: StoredObject; readonly memory: StoredObject } | undefined
    let settled = 0
    const send = (at: number, from: { copy: StoredObject; memory: StoredObject }): void => {
      receive(replicas[at] as Replica, from.copy)
      memory[at] = merge('siblings', memory[at] as StoredObject, from.memory)
    }
    const held = (at: number): { copy: StoredObject; memory: StoredObject } => ({
      copy: (replicas[at] as Replica).copy,
      memory: memory[at] as StoredObject,
    })
    const exchange = (): void => {
      for (let round = 0; round < 2; round++) {
        for (let at = 0; at < OWNERS; at++) {
          for (let from = 0; from < OWNERS; from++) if (from !== at) send(at, held(from))
        }
      }
    }
    taken.forEach((turn, i) => {
      const now = i + 1
      switch (turn.type) {
        case 'write':
        case 'delete': {
          const content =
            turn.type === 'write'
              ? contentOf(`v${now}`)
              : { ...contentOf(''), contentType: '', tombstone: true }
          // Many lives, so that vectors grow beyond what is left alone.
          const dot = { actor: `n${turn.at}~${now >> 1}`, timestamp: now }
          const seen = turn.blind ? undefined : context
          const replica = replicas[turn.at] as Replica
          memory[turn.at] = write(
            'siblings',
            memory[turn.at] as StoredObject,
            dot,
            content,
            turn.blind ? undefined : (seen?.memory.vector ?? EMPTY_VECTOR),
          )
          replica.copy = write(
            'siblings',
            replica.copy,
            dot,
            content,
            turn.blind ? undefined : (seen?.copy.vector ?? EMPTY_VECTOR),
          )
          wire.push(held(turn.at))
          break
        }
        case 'read':
          context = held(turn.at)
          break
        case 'send':
          send(turn.at, held(turn.from))
          break
        case 'late':
          if (wire.length > 0) send(turn.at, wire[turn.which % wire.length] as (typeof wire)[0])
          break
        case 'settle':
          // Everything up to now is with every owner: each may take the horizon, each at a time of its own.
          exchange()
          settled = now
          break
        case 'move': {
          const replica = replicas[turn.at] as Replica
          replica.horizon = settled
          const dead = replica.copy.siblings.every((s) => s.tombstone)
          if (dead && isSettled(replica.copy, settled)) replica.copy = ABSENT
          break
        }
        default:
          turn satisfies never
      }
    })
    exchange()
    return { replicas, whole: memory[0] as StoredObject }
  }

  const liveDots = (copy: StoredObject): string[] =>
    dotsOf({ vector: copy.vector, siblings: copy.siblings.filter((s) => !s.tombstone) })

  it('shows its readers what one that forgets nothing would', () => {
    fc.assert(
      fc.property(turns, (taken) => {
        const { replicas, whole } = play(taken)
        for (const { copy } of replicas) expect(liveDots(copy)).toEqual(liveDots(whole))
      }),
      { ...RUNS, numRuns: 2000 },
    )
  })
})

describe('pruned vector', () => {
  const many = VECTOR_ENTRIES_PLENTY + 3
  const wide = (siblings: readonly Sibling[]): StoredObject => ({
    vector: vectorOf([
      ...Array.from({ length: many }, (_, i): [string, number] => [`old${i}~a`, i + 1]),
      ...siblings.map((s): [string, number] => [s.actor, s.timestamp]),
    ]),
    siblings,
  })

  it('keeps an entry for every sibling, and no other, once all of it is settled', () => {
    const one = sibling('n1~a', 20)
    const two = sibling('old3~a', 4)
    const before = wide([two, one])
    const pruned = pruneVector(before, 20)
    expect(pruned.vector).toEqual(object(two, one).vector)
    expect(pruned.siblings).toBe(before.siblings)
  })

  it('leaves nothing at all of a copy without siblings', () => {
    expect(pruneVector(wide([]), 20)).toBe(ABSENT)
  })

  it('is the whole one while anything that it knows of lies above the horizon', () => {
    const copy = wide([sibling('n1~a', 20)])
    expect(pruneVector(copy, 19)).toBe(copy)
  })

  it('is the whole one while it is small', () => {
    const copy = object(
      ...Array.from({ length: VECTOR_ENTRIES_PLENTY }, (_, i) => sibling(`n${i}~a`, 1)),
    )
    const small = { ...object(sibling('n0~a', 1)), vector: copy.vector }
    expect(pruneVector(small, 100)).toBe(small)
  })

  it('covers, together with the horizon, all that it did: nothing replaced comes back', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat({ max: 30 }), { minLength: many, maxLength: 30 }),
        fc.nat({ max: 3 }),
        fc.integer({ min: 1, max: 100 }),
        (actors, live, horizon) => {
          const vector = vectorOf(actors.map((actor, i) => [`n${actor}~a`, i + 1]))
          const siblings = actors.slice(0, live).map((actor, i) => sibling(`n${actor}~a`, i + 1))
          const copy: StoredObject = { vector, siblings }
          const pruned = pruneVector(copy, horizon)
          for (const [actor, timestamp] of vector) {
            const late = object(sibling(actor, timestamp))
            const news = withoutHistory(late, pruned, horizon)
            expect(dotsOf(merge('siblings', pruned, news))).toEqual(dotsOf(copy))
          }
        },
      ),
      RUNS,
    )
  })
})

describe('a settled copy', () => {
  it('knows of nothing above the horizon, neither by its vector nor by its siblings', () => {
    const written = object(sibling('n1~a', 5))
    const memory = { vector: written.vector, siblings: [] }
    // Copies of last-writer-wins have no vector.
    const lone = { vector: EMPTY_VECTOR, siblings: written.siblings }
    const all = [written, memory, lone]
    expect(all.every((copy) => isSettled(copy, 5) && !isSettled(copy, 4))).toBe(true)
    expect(isSettled(ABSENT, 0)).toBe(true)
  })
})

describe('the time from which a copy is only a memory of deletes', () => {
  const wallMsOf = (timestamp: number): number => timestamp * 10

  it('is none while a value stays for ever, and where nothing is held', () => {
    expect(deadFromMs(ABSENT, wallMsOf)).toBeUndefined()
    expect(deadFromMs(object(tombstone('n1~a', 1), sibling('n2~a', 2)), wallMsOf)).toBeUndefined()
  })

  it('is that of the newest tombstone, or of the last expiry', () => {
    const keys = object({ ...tombstone('n1~a', 4), value: new Uint8Array(1) })
    expect(deadFromMs(keys, wallMsOf)).toBe(600_040)
    expect(deadFromMs(object(tombstone('n1~a', 1), tombstone('n2~a', 4)), wallMsOf)).toBe(40)
    const short = sibling('n1~a', 1, { expiresAtMs: 500 })
    const long = sibling('n2~a', 2, { expiresAtMs: 900 })
    expect(deadFromMs(object(short, long), wallMsOf)).toBe(900)
    expect(deadFromMs(object(short, tombstone('n2~a', 70)), wallMsOf)).toBe(700)
  })

  it('is not before anything that the copy knows of was written', () => {
    const content = fc.record({
      actor: fc.nat({ max: 5 }),
      timestamp: fc.integer({ min: 1, max: 50 }),
      expiresAtMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1000 })),
      isTombstone: fc.boolean(),
    })
    const copies = fc
      .record({
        contents: fc.uniqueArray(content, { maxLength: 4, selector: ({ actor }) => actor }),
        known: fc.array(fc.tuple(fc.nat({ max: 8 }), fc.integer({ min: 1, max: 60 }))),
      })
      .map(({ contents, known }): StoredObject => {
        const siblings = contents.map(({ actor, timestamp, expiresAtMs, isTombstone }) =>
          isTombstone
            ? tombstone(`n${actor}~a`, timestamp)
            : sibling(`n${actor}~a`, timestamp, { expiresAtMs }),
        )
        const old = known.map(([actor, at]): [string, number] => [`m${actor}~a`, at])
        return { vector: vectorOf([...old, ...object(...siblings).vector]), siblings }
      })
    fc.assert(
      fc.property(copies, (copy) => {
        const from = deadFromMs(copy, wallMsOf)
        const stays = copy.siblings.some((s) => !s.tombstone && s.expiresAtMs === 0)
        const isKept = stays || (copy.siblings.length === 0 && copy.vector.size === 0)
        expect(from === undefined).toBe(isKept)
        if (from === undefined) return
        const times = [
          ...copy.siblings.map((s) => (s.tombstone ? 0 : s.expiresAtMs)),
          ...copy.vector.timestamps().map(wallMsOf),
        ]
        expect(from).toBe(Math.max(...times))
        const horizon = forgottenFrom(copy, wallMsOf, (ms) => ms / 10, 0) as number
        expect(isSettled(copy, horizon) && wallMsOf(horizon) >= (from as number)).toBe(true)
        expect(isSettled(copy, horizon - 1) && wallMsOf(horizon - 1) >= (from as number)).toBe(
          false,
        )
      }),
      RUNS,
    )
  })
})
