/**
 * Every run of a small world in which the owners of one strong key change, a, b, c to b, c, d by way of both groups at
 * once: the acceptors by the rules of node/strong/register-acceptor.ts, two proposers that may be behind, repair among all four.
 * A generation is 0 (old), 1 (joint) or 2 (new). What is sent stays under way, as in small-model.ts.
 *
 * Three things make it small enough to be looked at whole:
 * - An acceptor takes up a generation when the first question of it arrives. To do so earlier would only make it refuse
 *   more, which is nothing else than a question that does not arrive.
 * - The generation of a proposer's node only bounds that of its next attempt from below. Whether it has moved on when it
 *   hears that its proposal was accepted is left open, and makes no difference to what was decided.
 * - Who would ask next is not followed, but looked up in each world: whatever any quorum of any generation shows must
 *   begin with what somebody has been told, and where a quorum agrees, a reader is told.
 */
import { merge } from '../../../src/core/causality/stored-object.ts'
import { accept, prepare } from '../../../src/core/consensus/acceptor.ts'
import { BALLOT_ZERO, maxBallot, nextBallot } from '../../../src/core/consensus/ballot.ts'
import { Proposer, type ProposerResult } from '../../../src/core/consensus/proposer.ts'
import { majority } from '../../../src/core/quorum/level.ts'
import { everyGroup, type OwnerGroups } from '../../../src/core/quorum/owner-groups.ts'
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
  Wrong,
} from './model-search.ts'
import type { MovingFlaw, MovingPlan } from './moving-model-plan.ts'
import {
  type Attempt,
  attemptOf,
  checked,
  isBelow,
  keyOf,
  type Owner,
  ownerOf,
  OWNERS,
  stateOf,
  tell,
  withOwner,
  type World,
} from './moving-world.ts'

/** The one that comes. */
const D = 3
const OLD = ['a', 'b', 'c'] as const
const NEW = ['b', 'c', 'd'] as const

export function exploreMoving(
  plan: MovingPlan,
  flaw: MovingFlaw,
  statesMax: number,
): SearchOutcome {
  const rules = new Rules(plan, flaw)
  const old = { held: NOTHING, kept: BALLOT_ZERO, generation: 0, isCopied: false }
  const first: World = {
    owners: OWNERS.map((_, i) => ownerOf(i === D ? { ...old, generation: 1 } : old)),
    attempts: [[], []],
    heard: 0,
    isSwitched: false,
    hasLost: false,
    longest: '',
    rejected: '',
  }
  return search(first, keyOf, (world) => rules.steps(world), statesMax, rules.met)
}

/** What an attempt has asked for, and has been answered. */
type Asked = Pick<Attempt, 'ballot' | 'letter' | 'known' | 'generation' | 'log'>

class Rules {
  readonly met = new Set<string>()
  readonly #plan: MovingPlan
  readonly #flaw: MovingFlaw
  /** Of each generation, the smallest sets of owners that are enough. */
  readonly #quorums: readonly (readonly (readonly number[])[])[]

  constructor(plan: MovingPlan, flaw: MovingFlaw) {
    this.#plan = plan
    this.#flaw = flaw
    this.#quorums = [0, 1, 2].map((generation) => smallestQuorums(this.#groupsOf(generation)))
  }

  *steps(world: World): IterableIterator<Step<World>> {
    const generations = world.isSwitched ? [0, 1, 2] : [0, 1]
    for (const node of [0, 1]) {
      for (const generation of generations) {
        const step = (): string => `n${node + 1} begins in generation ${generation}`
        yield { step, make: () => this.#begin(world, node, generation, false) }
        yield {
          step: () => `${step()} under a lease`,
          make: () => this.#begin(world, node, generation, true),
        }
      }
      for (const [i, attempt] of (world.attempts[node] as Attempt[]).entries()) {
        const isOver = attempt.result !== undefined
        for (const [owner, name] of OWNERS.entries()) {
          for (const type of ['prepare', 'accept'] as const) {
            if (type === 'prepare' ? attempt.known !== undefined : !attempt.proposed) continue
            const step = (): string =>
              `${name} gets ${type} ${textOf(attempt.ballot)} of generation ${attempt.generation}`
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
    for (const [owner, name] of OWNERS.entries()) {
      for (const { held } of world.owners) {
        const step = (): string => `repair brings ${textOf(held.ballot)} to ${name}`
        yield { step, make: () => this.#repair(world, owner, held) }
      }
      if (owner !== D) {
        yield { step: () => `d copies from ${name}`, make: () => this.#copy(world, owner) }
      }
      if (this.#flaw === 'generation forgotten at a crash') {
        const step = (): string => `${name} forgets its generation`
        yield { step, make: () => this.#forget(world, owner) }
      }
    }
    yield { step: () => 'd is complete', make: () => this.#complete(world) }
    if (this.#flaw === 'leftovers dropped late')
      yield { step: () => 'd drops what it holds', make: () => this.#drop(world) }
  }

  #groupsOf(generation: number): OwnerGroups {
    if (generation === 0) return [OLD]
    if (generation === 2) return [NEW]
    if (this.#flaw === 'old owners alone decide in the joint generation') return [OLD]
    if (this.#flaw === 'new owners alone decide in the joint generation') return [NEW]
    return [OLD, NEW]
  }

  #begin(world: World, node: number, generation: number, isLeased: boolean): World | undefined {
    const mine = world.attempts[node] as readonly Attempt[]
    const planned = (node === 0 ? this.#plan.n1 : this.#plan.n2)[mine.length]
    const last = mine.at(-1)
    if (planned?.generation !== generation) return undefined
    const decided = last?.result?.type === 'decided' && !last.result.isContested ? last : undefined
    if (isLeased !== (planned.isLeased === true) || (isLeased && decided === undefined))
      return undefined
    const ballot =
      isLeased && decided !== undefined
        ? nextBallot(decided.ballot)
        : { counter: planned.counter, node: `n${node + 1}` }
    let next = world
    if (last !== undefined && last.result === undefined) {
      const result = this.#replayed(last).proposer.abandon()
      next = this.#ended(world, node, attemptOf({ ...last, result }))
    }
    const known = isLeased ? decided?.proposed : undefined
    const fresh = { ballot, letter: planned.letter, known, generation, log: [] }
    const { proposed } = this.#replayed(fresh)
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
    const name = OWNERS[owner] as string
    if (!this.#groupsOf(attempt.generation).some((group) => group.includes(name))) return undefined
    const before = this.#movedTo(world.owners[owner] as Owner, attempt.generation)
    if (before === undefined) return undefined
    const state = stateOf(before)
    const step =
      type === 'prepare'
        ? prepare(state, ballot)
        : accept(state, ballot, proposed as Held, {
            next: nextBallot(ballot),
            isUncontested: before.isUncontested,
          })
    let changed: Pick<Owner, 'held' | 'kept' | 'generation' | 'isCopied'> = before
    if (step.state !== state) {
      const isAccepted = type === 'accept'
      const held = isAccepted ? (proposed as Held) : before.held
      const kept = isAccepted ? BALLOT_ZERO : step.state.promised
      changed = { ...before, held, kept }
    }
    const next = changed === world.owners[owner] ? world : withOwner(world, owner, changed)
    if (!arrives) return next === world ? undefined : this.#looked(next)
    if ((type === 'accept') !== (proposed !== undefined)) return undefined
    // The proposer counts each owner once a phase.
    if (attempt.log.some(({ from, phase }) => from === name && phase === type)) return undefined
    const heard = this.#heard(attempt, { from: name, phase: type, reply: step.reply })
    if (heard.result?.type === 'decided') this.met.add(`decided in ${attempt.generation}`)
    return this.#looked(this.#ended(next, node, heard))
  }

  /** The attempt after one more answer. */
  #heard(attempt: Attempt, answered: Answered): Attempt {
    const text = textOfAnswer(answered)
    const known = attempt.next.get(text)
    if (known !== undefined) return known
    const { ballot, letter, known: leased, generation, log } = attempt
    const told = { ballot, letter, known: leased, generation, log: [...log, answered] }
    const { proposed, result } = this.#replayed(told)
    const heard = attemptOf({ ...told, proposed, result })
    attempt.next.set(text, heard)
    return heard
  }

  /** The owner as it takes up a question of that generation; undefined where it refuses it. */
  #movedTo(owner: Owner, generation: number): Owner | undefined {
    if (this.#flaw === 'generation not checked') return owner
    if (owner.generation === generation) return owner
    if (owner.generation < generation) return { ...owner, generation }
    return this.#flaw === 'attempt outlives its generation' ? owner : undefined
  }

  #ended(world: World, node: number, attempt: Attempt): World {
    const attempts = world.attempts.map((all, i) =>
      i === node ? [...all.slice(0, -1), attempt] : all,
    )
    const next = { ...world, attempts }
    const { result, letter } = attempt
    if (result === undefined) return next
    if (result.type === 'decided') return tell(next, (result.value ?? NOTHING).letters)
    if (result.outcome === 'unknown' || letter === undefined) return next
    return checked({ ...next, rejected: next.rejected + letter })
  }

  #repair(world: World, owner: number, brought: Held): World | undefined {
    const before = world.owners[owner] as Owner
    const held = merge('strong', before.held, brought) as Held
    if (held === before.held) return undefined
    return this.#looked(withOwner(world, owner, { ...before, held }))
  }

  /** What the old owner holds, and the time on its clock, which has seen all that it has promised. */
  #copy(world: World, from: number): World | undefined {
    const before = world.owners[from] as Owner
    if (world.isSwitched || before.isCopied) return undefined
    const isEarly = this.#flaw === 'copied too early'
    if (before.generation > 1) return undefined
    const generation = isEarly ? before.generation : 1
    const d = world.owners[D] as Owner
    const held = merge('strong', d.held, before.held) as Held
    const heard = Math.max(world.heard, before.kept.counter, before.held.ballot.counter)
    const copied = withOwner(world, from, { ...before, generation, isCopied: true })
    return this.#looked({ ...withOwner(copied, D, { ...d, held }), heard })
  }

  #complete(world: World): World | undefined {
    if (world.isSwitched) return undefined
    const copied = world.owners.filter(({ isCopied }) => isCopied).length
    if (copied < this.#needed()) return undefined
    const d = world.owners[D] as Owner
    this.met.add('switched')
    if (this.#flaw === 'no floor') return this.#looked({ ...world, isSwitched: true })
    const heard = Math.max(world.heard, d.kept.counter, d.held.ballot.counter)
    const floor = { counter: heard + 1, node: '' }
    const kept = maxBallot(d.kept, floor)
    return this.#looked({ ...withOwner(world, D, { ...d, kept }), isSwitched: true })
  }

  #needed(): number {
    if (this.#flaw === 'nothing copied') return 0
    return this.#flaw === 'too little copied' ? 1 : this.#plan.copiedFrom
  }

  #forget(world: World, owner: number): World | undefined {
    const before = world.owners[owner] as Owner
    if (world.hasLost || owner === D || before.generation === 0) return undefined
    const generation = before.generation - 1
    return { ...withOwner(world, owner, { ...before, generation }), hasLost: true }
  }

  #drop(world: World): World | undefined {
    const before = world.owners[D] as Owner
    if (world.hasLost || world.isSwitched || before.held === NOTHING) return undefined
    if (world.owners.some(({ isCopied }) => isCopied)) return undefined
    return { ...withOwner(world, D, { ...before, held: NOTHING }), hasLost: true }
  }

  /** What anybody could be told now. */
  #looked(world: World): World {
    let told = world
    for (const generation of world.isSwitched ? [0, 1, 2] : [0, 1]) {
      for (const quorum of this.#quorums[generation] as readonly (readonly number[])[]) {
        let held = NOTHING
        let isThere = true
        for (const i of quorum) {
          const owner = world.owners[i] as Owner
          if (isBelow(held, owner.held)) ({ held } = owner)
          if (owner.generation > generation) isThere = false
        }
        if (this.#flaw === 'generation not checked') isThere = true
        const isRead = isThere || this.#flaw === 'read outlives its generation'
        if (isThere && !held.letters.startsWith(told.longest)) {
          const who = quorum.map((i) => OWNERS[i]).join()
          throw new Wrong(
            `went back: ${who} show "${held.letters}", and "${told.longest}" was told`,
          )
        }
        if (!isRead || held === NOTHING || held.letters === told.longest) continue
        const agrees = quorum.every((i) => {
          const owner = world.owners[i] as Owner
          return owner.isUncontested && !isBelow(owner.held, held)
        })
        if (!agrees) continue
        this.met.add(`read in ${generation}`)
        told = tell(told, held.letters)
      }
    }
    return told === world ? world : this.#looked(told)
  }

  /** The proposer that has heard what the attempt has, and what came of the last of it. */
  #replayed({ ballot, known, letter, log, generation }: Asked): {
    proposer: Proposer<Held, null>
    proposed: Held | undefined
    result: ProposerResult<Held, null> | undefined
  } {
    let proposed: Held | undefined
    const proposer = new Proposer<Held, null>({
      groups: this.#groupsOf(generation),
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
}

function smallestQuorums(groups: OwnerGroups): number[][] {
  const sets = Array.from({ length: 2 ** OWNERS.length }, (_, bits) =>
    [0, 1, 2, 3].filter((i) => (bits & (1 << i)) !== 0),
  ).filter((set) => {
    const names = set.map((i) => OWNERS[i] as string)
    return everyGroup(groups, majority(3), (owner) => names.includes(owner))
  })
  return sets.filter(
    (set) =>
      !sets.some((other) => other.length < set.length && other.every((i) => set.includes(i))),
  )
}
