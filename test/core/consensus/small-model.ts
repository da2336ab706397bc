/**
 * Every run of a small world: three owners of one strong key that answer by the rules of node/strong/register-acceptor.ts, two
 * proposers of up to two attempts each, repair, and readers by the rules of node/strong/strong-read.ts. A step is anything that
 * can happen next; worlds that are the same are looked at once. The register holds the names of the changes made to it,
 * one letter each, so that one value was made from another if, and only if, it begins with it.
 *
 * What is sent stays under way: it may arrive now, later, never, or again. An answer arrives at once or never. That is no
 * bound: all that an answer leads to is something sent, which may arrive late, or a word to the client, which must be
 * right the sooner it is given. Repair brings what one owner holds to another. Without promises of its own on
 * disk a crash changes nothing here, so only the planted bug has one.
 */
import { merge } from '../../../src/core/causality/stored-object.ts'
import { accept, type AcceptorState, prepare } from '../../../src/core/consensus/acceptor.ts'
import {
  type Ballot,
  BALLOT_ZERO,
  compareBallots,
  maxBallot,
  nextBallot,
} from '../../../src/core/consensus/ballot.ts'
import { Proposer, type ProposerResult } from '../../../src/core/consensus/proposer.ts'
import {
  type Answered,
  type Held,
  heldAt,
  NOTHING,
  search,
  type SearchOutcome,
  type Step,
  textOf,
  textOfAnswer,
  textOfReply,
  Wrong,
} from './model-search.ts'
import type { ModelFlaw, ModelPlan } from './small-model-plan.ts'

const OWNERS = ['o1', 'o2', 'o3'] as const

interface Owner {
  readonly held: Held
  /** The promise beside the record (node/strong/promises.ts). */
  readonly kept: Ballot
  /** The same text, the same owner. It is written once, because each world is told from all others by it. */
  readonly text: string
}

function ownerOf(held: Held, kept: Ballot): Owner {
  return { held, kept, text: `${textOf(held.ballot)},${textOf(kept)}` }
}

/** What an attempt has asked for, and has been answered. */
interface Asked {
  readonly ballot: Ballot
  readonly letter: string | undefined
  readonly known: Held | undefined
  /** The longest value that anybody had been told when it began. */
  readonly floor: string
  readonly log: readonly Answered[]
}

interface AttemptState extends Asked {
  readonly proposed: Held | undefined
  readonly result: ProposerResult<Held, null> | undefined
}

interface Attempt extends AttemptState {
  readonly text: string
  /** What each owner has answered in the present phase. */
  readonly answers: readonly string[]
  /** What becomes of it with one more answer, by the text of the answer. */
  readonly next: Map<string, Attempt>
}

/** An answer counts only in its phase. Told of a higher ballot in whatever phase: what is decided is contested. */
function attemptOf(state: AttemptState): Attempt {
  const { ballot, floor, log, proposed, result } = state
  const head = `;${textOf(ballot)},${proposed?.letters ?? '-'},`
  const next = new Map<string, Attempt>()
  if (result !== undefined) {
    const isLasting = result.type === 'decided' && !result.isContested
    return { ...state, text: head + (isLasting ? 'decided' : 'over'), answers: [], next }
  }
  const text = `${head}${floor},${String(log.some(({ reply }) => reply.type === 'conflict'))}`
  const phase = proposed === undefined ? 'prepare' : 'accept'
  const answers = OWNERS.map((owner) => {
    const answered = log.find((one) => one.phase === phase && one.from === owner)
    return `;${answered === undefined ? '-' : textOfReply(answered.reply)}`
  })
  return { ...state, text, answers, next }
}

interface World {
  readonly owners: readonly Owner[]
  readonly attempts: readonly (readonly Attempt[])[]
  readonly longest: string
  readonly rejected: string
  readonly reader:
    | { readonly from: number; readonly held: Held; readonly floor: string }
    | undefined
  readonly crashes: number
}

export function explore(plan: ModelPlan, flaw: ModelFlaw, statesMax: number): SearchOutcome {
  const rules = new Rules(plan, flaw)
  const first: World = {
    owners: OWNERS.map(() => ownerOf(NOTHING, BALLOT_ZERO)),
    attempts: [[], []],
    longest: '',
    rejected: '',
    reader: undefined,
    crashes: 0,
  }
  return search(first, keyOf, (world) => rules.steps(world), statesMax, rules.met)
}

class Rules {
  readonly met = new Set<string>()
  readonly #plan: ModelPlan
  readonly #flaw: ModelFlaw

  constructor(plan: ModelPlan, flaw: ModelFlaw) {
    this.#plan = plan
    this.#flaw = flaw
  }

  *steps(world: World): IterableIterator<Step<World>> {
    for (const node of [0, 1]) {
      yield { step: () => `n${node + 1} begins`, make: () => this.#begin(world, node, false) }
      yield {
        step: () => `n${node + 1} goes on under a lease`,
        make: () => this.#begin(world, node, true),
      }
      for (const [i, attempt] of (world.attempts[node] as Attempt[]).entries()) {
        const isOver = attempt.result !== undefined
        for (const owner of [0, 1, 2]) {
          for (const type of ['prepare', 'accept'] as const) {
            if (type === 'prepare' ? attempt.known !== undefined : !attempt.proposed) continue
            const step = (): string => `${OWNERS[owner]} gets ${type} ${textOf(attempt.ballot)}`
            const ask = [world, node, i, owner, type] as const
            yield {
              step: () => `${step()}, its answer is lost`,
              make: () => this.#deliver(...ask, false),
            }
            if (!isOver) yield { step, make: () => this.#deliver(...ask, true) }
          }
        }
      }
    }
    for (const owner of [0, 1, 2]) {
      const name = OWNERS[owner] as string
      for (const { held } of world.owners) {
        const step = (): string => `repair brings ${textOf(held.ballot)} to ${name}`
        yield { step, make: () => this.#repair(world, owner, held) }
      }
      if (this.#plan.hasReaders)
        yield { step: () => `a reader asks ${name}`, make: () => this.#read(world, owner) }
      if (this.#flaw === 'promise forgotten at a crash' && world.crashes === 0) {
        yield { step: () => `${name} crashes`, make: () => this.#crash(world, owner) }
      }
    }
  }

  #begin(world: World, node: number, isLeased: boolean): World | undefined {
    const mine = world.attempts[node] as readonly Attempt[]
    const planned = (node === 0 ? this.#plan.n1 : this.#plan.n2)[mine.length]
    if (planned === undefined) return undefined
    const last = mine.at(-1)
    const decided = last?.result?.type === 'decided' && !last.result.isContested ? last : undefined
    if (isLeased && decided === undefined) return undefined
    const ballot = isLeased
      ? nextBallot((decided as Attempt).ballot)
      : { counter: planned.counter, node: `n${node + 1}` }
    const known = isLeased ? (decided as Attempt).proposed : undefined
    const fresh = { ballot, letter: planned.letter, known, floor: world.longest, log: [] }
    let next = world
    if (last !== undefined && last.result === undefined) {
      const result = replayed(last).proposer.abandon()
      next = this.#ended(world, node, attemptOf({ ...last, result }))
    }
    const { proposed } = replayed(fresh)
    if (isLeased) this.met.add('lease')
    const begun = attemptOf({ ...fresh, proposed, result: undefined })
    const attempts = next.attempts.map((all, i) => (i === node ? [...all, begun] : all))
    return { ...next, attempts }
  }

  #deliver(
    world: World,
    node: number,
    index: number,
    owner: number,
    type: 'prepare' | 'accept',
    arrives: boolean,
  ): World | undefined {
    const attempt = (world.attempts[node] as readonly Attempt[])[index] as Attempt
    const { ballot, proposed } = attempt
    const before = world.owners[owner] as Owner
    const state = this.#stateOf(before, type)
    const step =
      type === 'prepare'
        ? prepare(state, ballot)
        : accept(state, ballot, proposed as Held, {
            next: this.#implied(ballot),
            isUncontested:
              this.#flaw === 'repaired copy is accepted' || this.#isUncontested(before),
          })
    let next = world
    if (step.state !== state) {
      const isAccepted = type === 'accept'
      const held = isAccepted ? (proposed as Held) : before.held
      const kept = isAccepted ? BALLOT_ZERO : step.state.promised
      next = withOwner(world, owner, ownerOf(held, kept))
    }
    if (!arrives) return next === world ? undefined : next
    const answered: Answered = { from: OWNERS[owner] as string, phase: type, reply: step.reply }
    if ((type === 'accept') !== (proposed !== undefined)) return undefined
    // The proposer counts each owner once a phase.
    if (attempt.log.some(({ from, phase }) => from === answered.from && phase === type))
      return undefined
    return this.#ended(next, node, heardBy(attempt, answered))
  }

  /** The world in which that node's last attempt has become `attempt`, whose result its client is told. */
  #ended(world: World, node: number, attempt: Attempt): World {
    const attempts = world.attempts.map((all, i) =>
      i === node ? [...all.slice(0, -1), attempt] : all,
    )
    const next = { ...world, attempts }
    const { result, letter } = attempt
    if (result === undefined) return next
    this.met.add(result.type === 'decided' ? 'decided' : `${result.type} ${result.outcome}`)
    if (result.type === 'decided')
      return tell(next, (result.value ?? NOTHING).letters, attempt.floor)
    if (result.outcome === 'unknown' || letter === undefined) return next
    return checked({ ...next, rejected: next.rejected + letter })
  }

  #repair(world: World, owner: number, brought: Held): World | undefined {
    const before = world.owners[owner] as Owner
    const held = merge('strong', before.held, brought) as Held
    return held === before.held ? undefined : withOwner(world, owner, ownerOf(held, before.kept))
  }

  #read(world: World, owner: number): World | undefined {
    const { held } = world.owners[owner] as Owner
    const isUncontested = this.#isUncontested(world.owners[owner] as Owner)
    if (!isUncontested && this.#flaw !== 'repaired copy is settled') return undefined
    const { reader } = world
    if (this.#flaw === 'fast read of one copy') return tell(world, held.letters, world.longest)
    if (reader === undefined)
      return { ...world, reader: { from: owner, held, floor: world.longest } }
    if (reader.from === owner || !sameBallot(reader.held, held))
      return { ...world, reader: undefined }
    this.met.add(`fast read of ${held.letters.length}`)
    return tell({ ...world, reader: undefined }, held.letters, reader.floor)
  }

  #crash(world: World, owner: number): World {
    const { held } = world.owners[owner] as Owner
    return { ...withOwner(world, owner, ownerOf(held, BALLOT_ZERO)), crashes: 1 }
  }

  #isUncontested({ held, kept }: Owner): boolean {
    const accepted = held.ballot
    const isNextBelow = this.#flaw === 'settled below the next ballot'
    return compareBallots(kept, isNextBelow ? nextBallot(accepted) : accepted) <= 0
  }

  #implied(ballot: Ballot): Ballot {
    return this.#flaw === 'lease without the implied promise' ? ballot : nextBallot(ballot)
  }

  /** As node/strong/register-acceptor.ts has it. */
  #stateOf({ held, kept }: Owner, type: string): AcceptorState<Held> {
    const isHeld = held !== NOTHING
    const accepted = held.ballot
    const implied = isHeld ? this.#implied(accepted) : BALLOT_ZERO
    const forgets = type === 'accept' && this.#flaw === 'accept below promise'
    const promised = forgets ? implied : maxBallot(implied, kept)
    return { promised, accepted, value: isHeld ? held : null }
  }
}

/** The attempt after one more answer. */
function heardBy(attempt: Attempt, answered: Answered): Attempt {
  const text = textOfAnswer(answered)
  const before = attempt.next.get(text)
  if (before !== undefined) return before
  const { ballot, letter, known, floor, log } = attempt
  const told = { ballot, letter, known, floor, log: [...log, answered] }
  const { proposed, result } = replayed(told)
  const heard = attemptOf({ ...told, proposed, result })
  attempt.next.set(text, heard)
  return heard
}

/** The proposer that has heard what the attempt has, and what came of the last of it. */
function replayed({ ballot, known, letter, log }: Asked): {
  proposer: Proposer<Held, null>
  proposed: Held | undefined
  result: ProposerResult<Held, null> | undefined
} {
  let proposed: Held | undefined
  const proposer = new Proposer<Held, null>({
    groups: [OWNERS],
    ballot,
    known: known && { value: known },
    change: (current) => {
      const before = current ?? NOTHING
      const letters = before.letters + (letter ?? '')
      proposed = heldAt(before, ballot, letters)
      return { changed: letter !== undefined, value: proposed, result: null }
    },
  })
  let step = proposer.start()
  for (const { from, reply } of log) step = proposer.receive(from, reply)
  return { proposer, proposed, result: step.result }
}

/** A client is told `letters`, of an operation that began when `floor` was the longest value told. */
function tell(world: World, letters: string, floor: string): World {
  const { longest } = world
  if (!letters.startsWith(floor)) throw new Wrong(`went back from "${floor}" to "${letters}"`)
  if (letters.startsWith(longest)) return checked({ ...world, longest: letters })
  if (longest.startsWith(letters)) return world
  throw new Wrong(`two histories: "${longest}" and "${letters}"`)
}

function checked(world: World): World {
  for (const letter of world.rejected) {
    if (world.longest.includes(letter)) throw new Wrong(`"${letter}" was rejected, and is made`)
  }
  return world
}

function withOwner(world: World, index: number, owner: Owner): World {
  return { ...world, owners: world.owners.map((other, i) => (i === index ? owner : other)) }
}

function sameBallot(a: Held, b: Held): boolean {
  return compareBallots(a.ballot, b.ballot) === 0
}

/** The same for worlds that go on alike: in whatever order answers came, and whichever owner is which. */
function keyOf({ owners, attempts, longest, rejected, reader, crashes }: World): string {
  let key = `${longest}|${rejected}|${crashes}|${reader?.floor ?? '-'}`
  const each = owners.map(({ text }, i) =>
    reader?.from === i ? text + textOf(reader.held.ballot) : text,
  )
  for (const mine of attempts) {
    key += '|'
    for (const { text, answers } of mine) {
      key += text
      for (const [i, answer] of answers.entries()) each[i] += answer
    }
  }
  return `${key}|${each.sort().join('|')}`
}
