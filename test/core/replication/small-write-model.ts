/**
 * Every run of a small world: three owners of one key of a siblings bucket, two clients that each write it once, blindly or
 * with what a read has shown them, and readers at a majority. The coordinators go by the shipped rules
 * (src/core/replication); a step is anything that can happen next, and worlds that are the same are looked at once.
 *
 * What is sent stays under way: it may arrive now, later, never, or again, and its answer may be lost. Owners answer after
 * their disk has taken a copy. The disk of a coordinator takes its copy at any later moment, and a crash before that loses
 * it. There is one crash.
 *
 * The judge does not look at vectors. A write is replaced *rightly* by one that found it where it was made, or that met it,
 * older, at an owner. What was promised (an acknowledged write, and what a read has shown) must be at every majority, or
 * be replaced rightly by what is there.
 */
import type { Dot } from '../../../src/core/causality/dot.ts'
import {
  ABSENT,
  coverDots,
  merge,
  type StoredObject,
  uncoveredDots,
  write,
} from '../../../src/core/causality/stored-object.ts'
import { dominates, type VersionVector } from '../../../src/core/causality/version-vector.ts'
import { WriteProtocol, type WriteStep } from '../../../src/core/replication/write-protocol.ts'
import { search, type SearchOutcome, type Step, Wrong } from '../consensus/model-search.ts'

const OWNERS = ['o1', 'o2', 'o3'] as const
const INDEXES = [0, 1, 2] as const
const MAJORITIES = [
  [0, 1],
  [0, 2],
  [1, 2],
] as const

/** A rule that is left out. */
export type WriteFlaw =
  | 'none'
  | 'covers what is newer'
  | 'makes no second round'
  | 'is acknowledged at one copy'
  | 'mints on with its old actor'
  | 'answers before the disk'
  | 'reads without repair'

export interface WritePlan {
  /** The owner that coordinates each write, by index, and what its clock shows. */
  readonly coordinators: readonly [number, number]
  readonly clocks: readonly [number, number]
  /** The second client begins with what a read has shown it, else blindly. */
  readonly isSecondSeeing: boolean
}

interface Owner {
  readonly life: number
  readonly durable: StoredObject
  /** What is in memory of it, on its way to the disk. */
  readonly latest: StoredObject
}

/** What the coordinator of a write has heard. */
interface Heard {
  readonly owner: number
  readonly uncovered: readonly Dot[]
}

interface Write {
  readonly dot: Dot
  /** Index of an owner. */
  readonly coordinator: number
  /** What it may replace. */
  readonly replaces: readonly string[]
  /** Writes that had been acknowledged, and were older, when it began. */
  readonly after: readonly string[]
  readonly isBlind: boolean
  /** The copy of each round. */
  readonly copies: readonly StoredObject[]
  readonly heard: readonly (readonly Heard[])[]
  readonly state: 'open' | 'acknowledged' | 'dead'
}

interface World {
  readonly owners: readonly Owner[]
  readonly writes: readonly (Write | undefined)[]
  /** Of the second client: what it has been shown. */
  readonly shown: { readonly vector: VersionVector; readonly names: readonly string[] } | undefined
  readonly promised: readonly string[]
  readonly crashes: number
}

export function exploreWrites(plan: WritePlan, flaw: WriteFlaw, statesMax: number): SearchOutcome {
  const rules = new Rules(plan, flaw)
  const first: World = {
    owners: OWNERS.map(() => ({ life: 0, durable: ABSENT, latest: ABSENT })),
    writes: [undefined, undefined],
    shown: undefined,
    promised: [],
    crashes: 0,
  }
  return search(first, keyOf, (world) => rules.steps(world), statesMax, rules.met)
}

class Rules {
  readonly met = new Set<string>()
  readonly #plan: WritePlan
  readonly #flaw: WriteFlaw

  constructor(plan: WritePlan, flaw: WriteFlaw) {
    this.#plan = plan
    this.#flaw = flaw
  }

  *steps(world: World): IterableIterator<Step<World>> {
    for (const [i, made] of world.writes.entries()) {
      const name = `w${i + 1}`
      if (made === undefined) {
        yield { step: () => `${name} begins`, make: () => this.#begin(world, i) }
        continue
      }
      for (const [round] of made.copies.entries()) {
        for (const owner of INDEXES) {
          if (owner === made.coordinator) continue
          const step = (): string => `${OWNERS[owner]} gets round ${round + 1} of ${name}`
          const ask = [world, i, round, owner] as const
          yield {
            step: () => `${step()}, its answer is lost`,
            make: () => this.#deliver(...ask, false),
          }
          yield { step, make: () => this.#deliver(...ask, true) }
        }
      }
    }
    for (const owner of INDEXES) {
      const name = OWNERS[owner]
      yield {
        step: () => `the disk of ${name} takes what there is`,
        make: () => this.#sync(world, owner),
      }
      if (world.crashes === 0) {
        yield { step: () => `${name} crashes`, make: () => this.#crash(world, owner) }
      }
    }
    for (const pair of MAJORITIES) {
      const step = (): string => `a read asks ${pair.map((owner) => OWNERS[owner]).join(' and ')}`
      yield { step, make: () => this.#read(world, pair) }
    }
  }

  #begin(world: World, i: number): World | undefined {
    const isSeeing = i === 1 && this.#plan.isSecondSeeing
    if (isSeeing && world.shown === undefined) return undefined
    const coordinator = this.#plan.coordinators[i] as number
    const { life, latest } = world.owners[coordinator] as Owner
    const lives = this.#flaw === 'mints on with its old actor' ? 0 : life
    const known = [
      ...latest.vector.timestamps(),
      ...(isSeeing ? (world.shown?.vector.timestamps() ?? []) : []),
    ]
    const timestamp = Math.max(this.#plan.clocks[i] as number, ...known.map((time) => time + 1))
    const dot = { actor: `${OWNERS[coordinator]}~${lives}`, timestamp }
    const context = isSeeing ? world.shown?.vector : undefined
    const object = write('siblings', latest, dot, contentOf(dot), context)
    const acknowledged = world.writes.filter((other) => other?.state === 'acknowledged')
    const begun: Write = {
      dot,
      coordinator,
      replaces: isSeeing ? (world.shown?.names ?? []) : latest.siblings.map(nameOf),
      after: acknowledged.flatMap((other) =>
        other !== undefined && other.dot.timestamp < timestamp ? [nameOf(other.dot)] : [],
      ),
      isBlind: !isSeeing,
      copies: [object],
      heard: [[]],
      state: 'open',
    }
    return withOwner(withWrite(world, i, begun), coordinator, { latest: object })
  }

  /** An owner takes the copy, and its disk does, before it answers. */
  #deliver(
    world: World,
    i: number,
    round: number,
    owner: number,
    arrives: boolean,
  ): World | undefined {
    const made = world.writes[i] as Write
    const before = world.owners[owner] as Owner
    const copy = made.copies[round] as StoredObject
    const latest = merge('siblings', before.latest, copy)
    const durable = this.#flaw === 'answers before the disk' ? before.durable : latest
    const isNew = latest !== before.latest || durable !== before.durable
    let next = isNew ? this.#stored(withOwner(world, owner, { latest, durable }), owner) : world
    const isHeard = made.heard[round]?.some((one) => one.owner === owner) === true
    if (arrives && made.state === 'open' && round === made.copies.length - 1 && !isHeard) {
      const uncovered = made.isBlind && round === 0 ? uncoveredDots(before.latest, copy.vector) : []
      next = this.#hear(next, i, { owner, uncovered })
    }
    return next === world ? undefined : next
  }

  #sync(world: World, owner: number): World | undefined {
    const { latest, durable } = world.owners[owner] as Owner
    if (latest === durable) return undefined
    return this.#stored(withOwner(world, owner, { durable: latest }), owner)
  }

  /** The disk of an owner has taken all there was: the writes that it coordinates hear so. */
  #stored(world: World, owner: number): World {
    let next = world
    for (const [i, made] of world.writes.entries()) {
      if (made?.state !== 'open' || made.coordinator !== owner) continue
      const isHeard = made.heard.at(-1)?.some((one) => one.owner === owner) === true
      const { durable } = world.owners[owner] as Owner
      // Of the second round, the copy covers more.
      const copy = made.copies.at(-1) as StoredObject
      if (isHeard || !dominates(durable.vector, copy.vector)) continue
      next = this.#hear(next, i, { owner, uncovered: [] })
    }
    return checked(next)
  }

  /** The coordinator hears that an owner has the copy of the present round. */
  #hear(world: World, i: number, one: Heard): World {
    const made = world.writes[i] as Write
    const heard = [...made.heard.slice(0, -1), [...(made.heard.at(-1) ?? []), one]]
    const told = { ...made, heard }
    const step = this.#replayed(told)
    if (step === undefined) return withWrite(world, i, told)
    if (step.type === 'cover') {
      this.met.add('second round')
      const copy = coverDots(made.copies[0] as StoredObject, step.dots)
      // The judge allows it to replace what is older, and no more.
      const older = step.dots.filter(({ timestamp }) => timestamp < made.dot.timestamp)
      const replaces = [...made.replaces, ...older.map(nameOf)]
      const again = { ...told, replaces, copies: [...made.copies, copy], heard: [...heard, []] }
      const { coordinator } = made
      const latest = merge('siblings', (world.owners[coordinator] as Owner).latest, copy)
      return withOwner(withWrite(world, i, again), coordinator, { latest })
    }
    if (step.type !== 'acknowledge') throw new Wrong(`the write ends with ${step.type}`)
    this.met.add(`acknowledged in round ${made.copies.length}`)
    const ended = withWrite(world, i, { ...told, state: 'acknowledged' })
    return checked(promise(ended, [nameOf(made.dot)]))
  }

  /** What follows from all that was heard, by the shipped rules. */
  #replayed({ dot, coordinator, isBlind, heard }: Write): WriteStep | undefined {
    const coversNewer = this.#flaw === 'covers what is newer'
    const kind =
      isBlind && this.#flaw !== 'makes no second round' ? 'covers-unseen' : 'leaves-unseen'
    const protocol = new WriteProtocol(kind, coversNewer ? { ...dot, timestamp: Infinity } : dot)
    const self = OWNERS[coordinator] as string
    const owners = OWNERS.filter((owner) => owner !== self)
    let step: WriteStep | undefined
    for (const all of heard) {
      const round = protocol.begin({
        self,
        groups: [OWNERS],
        need: this.#flaw === 'is acknowledged at one copy' ? 1 : 2,
        sloppy: false,
        targets: {
          storesHere: true,
          owners,
          standIns: [],
          missed: [],
        },
        wholeNeed: 0,
        isSelfWhole: true,
      })
      step = undefined
      for (const { owner, uncovered } of all) {
        const node = OWNERS[owner] as string
        const told = { existed: false, uncovered, newest: 0, isWhole: true }
        round.record({ node, owner: node }, 'stored', told)
        if (round.settled === undefined) continue
        step = protocol.next(true)
        break
      }
    }
    return step
  }

  /** What was not on the disk is gone, and so is what the owner coordinated. */
  #crash(world: World, owner: number): World | undefined {
    const { durable, life } = world.owners[owner] as Owner
    const writes = world.writes.map((made) =>
      made?.state === 'open' && made.coordinator === owner
        ? { ...made, state: 'dead' as const }
        : made,
    )
    return checked(
      withOwner({ ...world, writes, crashes: 1 }, owner, { latest: durable, life: life + 1 }),
    )
  }

  /** Both hold what they hold together before the answer is given. */
  #read(world: World, pair: readonly number[]): World | undefined {
    const found = pair.reduce<StoredObject>(
      (all, owner) => merge('siblings', all, (world.owners[owner] as Owner).durable),
      ABSENT,
    )
    const names = found.siblings.map(nameOf)
    let next = world
    if (this.#flaw !== 'reads without repair') {
      for (const owner of pair) {
        const latest = merge('siblings', (next.owners[owner] as Owner).latest, found)
        next = this.#stored(withOwner(next, owner, { latest, durable: latest }), owner)
      }
    }
    const shown =
      this.#plan.isSecondSeeing && names.length > 0 ? { vector: found.vector, names } : undefined
    if (names.length > 1) this.met.add('siblings read')
    return checked(promise({ ...next, shown: next.shown ?? shown }, names))
  }
}

function promise(world: World, names: readonly string[]): World {
  const promised = [...new Set([...world.promised, ...names])].sort()
  return { ...world, promised }
}

/** Whatever two owners a reader asks: all that was promised is there, or was replaced rightly by what is. */
function checked(world: World): World {
  for (const pair of MAJORITIES) {
    const found = pair.reduce<StoredObject>(
      (all, owner) => merge('siblings', all, (world.owners[owner] as Owner).durable),
      ABSENT,
    )
    const there = found.siblings.map(nameOf)
    const safe = new Set(there)
    // A set's iteration reaches what is added meanwhile.
    for (const name of safe) {
      const made = world.writes.find((one) => one !== undefined && nameOf(one.dot) === name)
      for (const replaced of made?.replaces ?? []) safe.add(replaced)
    }
    const lost = world.promised.find((name) => !safe.has(name))
    const names = pair.map((owner) => OWNERS[owner]).join(' and ')
    if (lost !== undefined)
      throw new Wrong(`${lost} is lost: ${names} have ${there.join(', ') || 'nothing'}`)
    for (const made of world.writes) {
      if (made?.state !== 'acknowledged' || !made.isBlind || !there.includes(nameOf(made.dot)))
        continue
      const left = made.after.find((name) => there.includes(name))
      if (left !== undefined)
        throw new Wrong(`${left} stands beside ${nameOf(made.dot)}, which replaces it`)
    }
  }
  return world
}

function withOwner(world: World, index: number, changed: Partial<Owner>): World {
  const owners = world.owners.map((owner, i) => (i === index ? { ...owner, ...changed } : owner))
  return { ...world, owners }
}

function withWrite(world: World, index: number, made: Write): World {
  return { ...world, writes: world.writes.map((other, i) => (i === index ? made : other)) }
}

function contentOf(dot: Dot) {
  return { value: new Uint8Array(0), contentType: nameOf(dot), tombstone: false, expiresAtMs: 0 }
}

function nameOf({ actor, timestamp }: Dot): string {
  return `${actor}@${timestamp}`
}

function textOf({ vector, siblings }: StoredObject): string {
  const seen = [...vector].map(([actor, timestamp]) => `${actor}${timestamp}`)
  return `${seen.sort().join()}/${siblings.map(nameOf).join()}`
}

function keyOf({ owners, writes, shown, promised, crashes }: World): string {
  const each = owners.map(
    ({ life, durable, latest }) => `${life} ${textOf(durable)} ${textOf(latest)}`,
  )
  const made = writes.map((one) => {
    if (one === undefined) return '-'
    const heard = one.heard.map((all) =>
      all
        .map(({ owner, uncovered }) => `${owner}${uncovered.map(nameOf).join()}`)
        .sort()
        .join(' '),
    )
    return `${one.state} ${nameOf(one.dot)} ${one.replaces.join()} ${one.after.join()} ${one.copies.map(textOf).join(';')} ${heard.join(';')}`
  })
  return [
    ...each,
    ...made,
    shown === undefined ? '-' : `${shown.names.join()}`,
    promised.join(),
    crashes,
  ].join('|')
}
