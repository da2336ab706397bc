/**
 * Explores every run of a small world: three owners of one key, two writes, and one or two reads at a majority. The reads
 * are run by the shipped protocol (src/core/replication). A step is anything that can happen next. Equal worlds are
 * explored once.
 *
 * A copy is the set of the writes that it contains, as bits. A write reaches each owner at any time, or never, and is
 * acknowledged once two owners hold it. An owner answers an ask at any time; its answer arrives later, or never. A repair
 * may arrive late, even after the read has counted it as failed. One owner's record may be damaged.
 *
 * What an acknowledgement or an answer has shown is *promised*. The judge demands that every two owners with readable
 * records hold together what is promised, and that each answer contains what was promised before its read began.
 */
import { LateRepair } from '../../../src/core/replication/late-repair.ts'
import {
  type ReadEffect,
  type ReadPlan,
  ReadProtocol,
} from '../../../src/core/replication/read-protocol.ts'
import { search, type SearchOutcome, type Step, Wrong } from '../consensus/model-search.ts'

const OWNERS = ['o1', 'o2', 'o3'] as const
const RULES = {
  versionOf: (copy: number) => copy,
  isSame: (a: number, b: number) => a === b,
  merge: (a: number, b: number) => a | b,
  isAbsent: (copy: number) => copy === 0,
}

/** A rule that is left out. */
export type ReadFlaw =
  | 'none'
  | 'answers without repair'
  | 'counts a lost repair'
  | 'reads one owner'
  | 'replaces a damaged record with any copy'
  | 'repairs before the disk'

export interface SmallRead {
  /** Whose coordinator runs each read, by index: it is asked first. */
  readonly coordinators: readonly number[]
  /** The writes, as bits, that still reach owners. */
  readonly writes: readonly number[]
  /** What each owner holds at first. `damaged`: its record cannot be read. */
  readonly held: readonly (number | 'damaged')[]
  readonly promised: number
  /** R of each read. With 1, an answer promises nothing. */
  readonly required: number
  /** Whether hedging and deadlines are explored too. */
  readonly hasTimers: boolean
  /** Whether the repair after the answer is explored too. */
  readonly isLateExplored: boolean
}

/** What has happened to a read, in order. Asks are numbered in the order in which the protocol made them. */
type Event =
  | { readonly type: 'told'; readonly ask: number; readonly held: number | 'damaged' }
  | { readonly type: 'lost'; readonly ask: number }
  | { readonly type: 'hedge' }
  | { readonly type: 'expire' }

interface Read {
  readonly coordinator: number
  readonly promised: number
  readonly events: readonly Event[]
  /** What the owner held when it answered, by ask, while the answer is on its way. */
  readonly answers: ReadonlyMap<number, number | 'damaged'>
  /** Repairs of an ended read: they may still arrive. */
  readonly strays: readonly Repair[]
  readonly answer: number | 'failed' | undefined
}

type Repair = Extract<ReadEffect<number>, { readonly type: 'repair' }>

interface World {
  readonly held: readonly (number | 'damaged')[]
  readonly reads: readonly (Read | undefined)[]
  readonly promised: number
}

interface Ask {
  readonly by: 'read' | 'late'
  readonly effect: Extract<ReadEffect<number>, { readonly owner: string }>
  readonly isOpen: boolean
}

interface Run {
  readonly asks: readonly Ask[]
  readonly answer: Read['answer']
}

export function exploreReads(small: SmallRead, flaw: ReadFlaw, statesMax: number): SearchOutcome {
  const rules = new Rules(small, flaw)
  const first: World = {
    held: small.held,
    reads: small.coordinators.map(() => undefined),
    promised: small.promised,
  }
  const keyOf = (world: World): string => rules.keyOf(world)
  return search(first, keyOf, (world) => rules.steps(world), statesMax, rules.met)
}

class Rules {
  readonly met = new Set<string>()
  readonly #small: SmallRead
  readonly #flaw: ReadFlaw
  /** Worlds share their reads, so each is run once. */
  readonly #runs = new WeakMap<Read, Run>()

  constructor(small: SmallRead, flaw: ReadFlaw) {
    this.#small = small
    this.#flaw = flaw
  }

  *steps(world: World): IterableIterator<Step<World>> {
    for (const write of this.#small.writes) {
      for (const i of OWNERS.keys()) {
        const step = (): string => `${OWNERS[i]} takes write ${write}`
        yield { step, make: () => take(world, i, write) }
      }
    }
    for (const [r, read] of world.reads.entries()) {
      const name = `read ${r + 1}`
      if (read === undefined) {
        yield { step: () => `${name} begins`, make: () => this.#begin(world, r) }
        continue
      }
      for (const stray of read.strays) {
        const step = (): string => `the repair of ${stray.owner} arrives (${name} has ended)`
        yield { step, make: () => this.#repair(world, stray) }
      }
      if (this.#isEnded(read)) continue
      for (const [id, ask] of this.#run(read).asks.entries()) {
        const what = (): string => `${ask.effect.type} of ${ask.effect.owner} (${name})`
        const asked = [world, r, id, ask] as const
        yield { step: () => `${what()} is done`, make: () => this.#perform(...asked) }
        if (!ask.isOpen) continue
        yield { step: () => `${what()} is told`, make: () => this.#tell(...asked) }
        yield {
          step: () => `${what()} is lost`,
          make: () => this.#after(world, r, this.#lost(id, ask)),
        }
      }
      for (const type of this.#small.hasTimers ? (['hedge', 'expire'] as const) : []) {
        if (read.answer !== undefined || read.events.some((event) => event.type === type)) continue
        yield { step: () => `${name}: ${type}`, make: () => this.#after(world, r, { type }) }
      }
    }
  }

  #begin(world: World, r: number): World {
    const coordinator = this.#small.coordinators[r] as number
    const { promised } = world
    const begun: Read = {
      coordinator,
      promised,
      events: [],
      answers: new Map(),
      strays: [],
      answer: undefined,
    }
    return withRead(world, r, begun)
  }

  /** The owner reads its disk for an ask, or takes a repair. A repair may arrive again. */
  #perform(world: World, r: number, id: number, { effect, isOpen }: Ask): World | undefined {
    const read = world.reads[r] as Read
    if (effect.type === 'repair') {
      const next = this.#repair(world, effect)
      if (!isOpen || read.answers.has(id) || !this.#mayRepair(world, effect)) return next
      const answers = new Map(read.answers).set(id, effect.copy)
      return withRead(next ?? world, r, { ...read, answers })
    }
    if (!isOpen || read.answers.has(id)) return undefined
    const held = world.held[indexOf(effect.owner)] as number | 'damaged'
    return withRead(world, r, { ...read, answers: new Map(read.answers).set(id, held) })
  }

  /** A repair arrives at its owner, for the first time or again. */
  #repair(world: World, repair: Repair): World | undefined {
    const i = indexOf(repair.owner)
    const held = world.held[i] as number | 'damaged'
    if (!this.#mayRepair(world, repair)) return undefined
    const next = (held === 'damaged' ? 0 : held) | repair.copy
    if (held === 'damaged') this.met.add('damaged record replaced')
    return next === held ? undefined : checked(withHeld(world, i, next))
  }

  #mayRepair({ held }: World, { owner, mayReplaceDamaged }: Repair): boolean {
    if (held[indexOf(owner)] !== 'damaged') return true
    return mayReplaceDamaged || this.#flaw === 'replaces a damaged record with any copy'
  }

  /** The events of an ended read matter no more, unless the repair after the answer is explored. */
  #isEnded({ answer }: Read): boolean {
    return answer === 'failed' || (answer !== undefined && !this.#small.isLateExplored)
  }

  #tell(world: World, r: number, id: number, { effect }: Ask): World | undefined {
    const held = (world.reads[r] as Read).answers.get(id)
    if (held === undefined) {
      if (effect.type !== 'repair' || this.#flaw !== 'repairs before the disk') return undefined
      return this.#after(world, r, { type: 'told', ask: id, held: effect.copy })
    }
    return this.#after(world, r, { type: 'told', ask: id, held })
  }

  #lost(id: number, { effect }: Ask): Event {
    const isCounted = this.#flaw === 'counts a lost repair' && effect.type === 'repair'
    return isCounted ? { type: 'told', ask: id, held: effect.copy } : { type: 'lost', ask: id }
  }

  #after(world: World, r: number, event: Event): World {
    const read = world.reads[r] as Read
    const answers = new Map(read.answers)
    if ('ask' in event) answers.delete(event.ask)
    const told = { ...read, answers, events: [...read.events, event] }
    const { asks, answer } = this.#run(told)
    const ended = { ...told, answer }
    const strays = asks.flatMap(({ effect }) => (effect.type === 'repair' ? [effect] : []))
    const next = this.#isEnded(ended)
      ? withRead(world, r, { ...ended, events: [], answers: new Map(), strays })
      : withRead(world, r, ended)
    if (read.answer !== undefined || answer === undefined || answer === 'failed') return next
    if (this.#small.required === 1) return next
    if ((answer & read.promised) !== read.promised) {
      throw new Wrong(`a read answers ${answer} and lacks what was promised: ${read.promised}`)
    }
    if (answer !== 0) this.met.add('answered with a value')
    return checked({ ...next, promised: world.promised | answer })
  }

  /** Runs the shipped protocol over all events of the read. */
  #run(read: Read): Run {
    const known = this.#runs.get(read)
    if (known !== undefined) return known
    const run = this.#runAll(read)
    this.#runs.set(read, run)
    return run
  }

  #runAll({ coordinator, events }: Read): Run {
    const self = OWNERS[coordinator] as string
    const read = new ReadProtocol<number, number>(this.#plan(self), RULES)
    const asks: Ask[] = []
    let late: LateRepair<number, number> | undefined
    let answer: Read['answer']
    const perform = (effects: readonly ReadEffect<number>[], by: Ask['by']): void => {
      for (const effect of effects) {
        if ('owner' in effect) asks.push({ by, effect, isOpen: true })
        else if (effect.type === 'answer') {
          answer = effect.copy ?? 0
          if (!this.#small.isLateExplored) continue
          late = new LateRepair(self, read, RULES)
          perform(late.start(), 'late')
        } else if (effect.type === 'fail') {
          answer = 'failed'
          this.met.add(`failed: ${effect.reason}`)
        }
      }
    }
    perform(read.start(), 'read')
    for (const event of events) {
      if (event.type === 'hedge') perform(read.hedge(), 'read')
      else if (event.type === 'expire') perform(read.expire(), 'read')
      else {
        const { by, effect } = asks[event.ask] as Ask
        asks[event.ask] = { by, effect, isOpen: false }
        perform(eventOf(by === 'late' ? late : read, effect, event), by)
        if (effect.type === 'repair') this.met.add(`${by} repair`)
      }
    }
    return { asks, answer }
  }

  /** The state of the protocol follows from what was asked, and from the set of the answers: their order is left out. */
  keyOf({ held, reads, promised }: World): string {
    const each = reads.map((read) => {
      if (read === undefined) return '-'
      const strays = read.strays.map(textOf).join()
      if (this.#isEnded(read)) return strays
      const { asks } = this.#run(read)
      const events = read.events.map((event) =>
        'ask' in event ? `${event.ask}${event.type === 'told' ? event.held : '!'}` : event.type,
      )
      const answers = [...read.answers].map(([id, told]) => `${id}${told}`)
      const asked = asks.map(({ effect }) => textOf(effect))
      return [read.promised, asked, events.sort(), answers.sort(), read.answer, strays].join(';')
    })
    return [held.join(), ...each, promised].join('|')
  }

  #plan(self: string): ReadPlan {
    return {
      groups: [OWNERS],
      required: this.#flaw === 'reads one owner' ? 1 : this.#small.required,
      sloppy: this.#flaw === 'answers without repair',
      near: [self, ...OWNERS.filter((owner) => owner !== self)],
      silent: [],
    }
  }
}

function eventOf(
  protocol: ReadProtocol<number, number> | LateRepair<number, number> | undefined,
  effect: Ask['effect'],
  event: Extract<Event, { ask: number }>,
): readonly ReadEffect<number>[] {
  if (protocol === undefined) throw new Error('nothing is repaired before the answer')
  const { owner } = effect
  const held = event.type === 'told' ? event.held : undefined
  if (effect.type === 'repair') {
    const isDone = held !== undefined && held !== 'damaged'
    return protocol.repaired(owner, isDone ? effect.copy : undefined) ?? []
  }
  if (held === undefined || held === 'damaged') return protocol.failed(owner, held === 'damaged')
  const copy = effect.type === 'ask-copy' ? held : undefined
  return protocol.found(owner, { version: held, copy })
}

function indexOf(owner: string): number {
  return OWNERS.indexOf(owner as (typeof OWNERS)[number])
}

function take(world: World, i: number, write: number): World | undefined {
  const held = world.held[i] as number | 'damaged'
  // A write to a damaged record is refused.
  if (held === 'damaged' || (held & write) !== 0) return undefined
  const next = withHeld(world, i, held | write)
  const holders = next.held.filter((one) => one !== 'damaged' && (one & write) !== 0)
  return checked(holders.length < 2 ? next : { ...next, promised: next.promised | write })
}

function checked(world: World): World {
  const readable = world.held.flatMap((held, i) => (held === 'damaged' ? [] : [{ held, i }]))
  for (const a of readable) {
    for (const b of readable) {
      if (a.i >= b.i || ((a.held | b.held) & world.promised) === world.promised) continue
      throw new Wrong(`${OWNERS[a.i]} and ${OWNERS[b.i]} lack what is promised: ${world.promised}`)
    }
  }
  return world
}

function withHeld(world: World, i: number, held: number): World {
  return { ...world, held: world.held.map((other, j) => (j === i ? held : other)) }
}

function withRead(world: World, r: number, read: Read): World {
  return { ...world, reads: world.reads.map((other, i) => (i === r ? read : other)) }
}

function textOf(effect: Ask['effect']): string {
  const { type, owner } = effect
  return type === 'repair' ? `${owner}${effect.copy}${effect.mayReplaceDamaged}` : `${type}${owner}`
}
