/**
 * Searches for one order of all operations that keeps the order of each client and explains each answer. It follows
 * every order that may work, and stops at a limit, because to decide this is NP-complete.
 *
 * An operation that changes nothing takes effect as soon as it can: that excludes no order. So only writes are choices.
 * A write is not tried if an answer still needs the value that it would replace and no other write, or if the forced
 * order puts another operation first.
 */
import { type Access, type Answer, isExplained, isPlain } from './access.ts'
import type { OrderNode } from './order-node.ts'
import type { Clocks } from './register-order.ts'

type SearchOutcome = 'found' | 'none' | 'too long'

interface SearchLimits {
  readonly isLate: () => boolean
  readonly memoryBytes: number
  /** How many writes are tried. */
  readonly stepsMax: number
}

/** The order that is forced, if it is known. */
interface Forced {
  readonly nodes: readonly OrderNode[]
  readonly clocks: Clocks
}

/** What is put into order. */
export interface Sample {
  /** In the order of invocation. */
  readonly some: readonly Access[]
  /** Whether every access of the history is there. If not, answers whose origins are not all there are left out. */
  readonly isWhole: boolean
}

export function sequentialSearch(
  sample: Sample,
  forced: Forced | undefined,
  limits: SearchLimits,
): SearchOutcome {
  return new Search(sample, forced).run(limits)
}

/** The register holds the initial value. */
const INITIAL = -1
const NOTHING = -1
const STEPS_A_LOOK = 64
const BYTES_PER_CHARACTER = 2
/** A number is written as two characters, so that it may be large. */
const CHARACTER_BITS = 15

interface Item {
  readonly access: Access
  readonly register: number
  /** The index of its session; NOTHING if its outcome is unknown, so that it may take effect late or never. */
  readonly session: number
  /** If it has no session: how many operations of its session come before it. */
  readonly after: { readonly session: number; readonly count: number }
  /** What it saw; undefined if it saw nothing, or if that is left out. */
  readonly answer: Answer | undefined
  /** The item that certainly left what it saw; NOTHING if it is in doubt. */
  readonly source: number
  /** Its number among the forced nodes; NOTHING if it is none. */
  readonly node: number
}

interface Done {
  readonly item: number
  /** What the register held before. */
  readonly held: number
}

interface Choice {
  readonly candidates: readonly number[]
  next: number
  /** How many items were done when the choice was reached. */
  readonly depth: number
}

class Search {
  readonly #items: readonly Item[]
  readonly #sessions: readonly number[][]
  readonly #positions: Int32Array
  /** For each register the item whose value it holds. */
  readonly #held: Int32Array
  readonly #isDone: Uint8Array
  /** For each item, how many items that are not done need exactly its value. */
  readonly #needed: Int32Array
  /** The items of unknown outcome that may take effect. */
  readonly #loose: readonly number[]
  readonly #done: Done[] = []
  readonly #forced: Forced | undefined
  readonly #columns: Int32Array
  readonly #seen = new Set<string>()

  constructor(sample: Sample, forced: Forced | undefined) {
    const { items, sessions, registers } = itemsOf(sample, forced)
    this.#items = items
    this.#sessions = sessions
    this.#positions = new Int32Array(sessions.length)
    this.#held = new Int32Array(registers).fill(INITIAL)
    this.#isDone = new Uint8Array(items.length)
    this.#needed = new Int32Array(items.length)
    for (const { source, session } of items) {
      if (source >= 0 && session >= 0) this.#needed[source] = (this.#needed[source] as number) + 1
    }
    this.#loose = [...items.keys()].filter((item) => items[item]?.session === NOTHING)
    this.#forced = forced
    this.#columns = new Int32Array(forced?.clocks.width ?? 0)
  }

  run({ isLate, memoryBytes, stepsMax }: SearchLimits): SearchOutcome {
    const width = this.#positions.length + this.#held.length + this.#loose.length
    const seenMax = memoryBytes / (2 * BYTES_PER_CHARACTER * width + 64)
    const choices: Choice[] = []
    this.#advance()
    for (let steps = 0; ; steps++) {
      if (this.#isOver()) return 'found'
      if (steps >= stepsMax || (steps % STEPS_A_LOOK === 0 && isLate())) return 'too long'
      const state = this.#state()
      if (!this.#seen.has(state)) {
        if (this.#seen.size < seenMax) this.#seen.add(state)
        choices.push({ candidates: this.#candidates(), next: 0, depth: this.#done.length })
      }
      if (!this.#takeNext(choices)) return 'none'
      this.#advance()
    }
  }

  /** Goes back to the last choice that has another candidate, and takes it. Returns false if there is none. */
  #takeNext(choices: Choice[]): boolean {
    for (let choice = choices.at(-1); choice !== undefined; choice = choices.at(-1)) {
      while (this.#done.length > choice.depth) this.#undo()
      const item = choice.candidates[choice.next++]
      if (item === undefined) choices.pop()
      else {
        this.#do(item)
        return true
      }
    }
    return false
  }

  #isOver(): boolean {
    return this.#sessions.every((own, session) => this.#positions[session] === own.length)
  }

  /** Lets everything take effect that changes nothing. */
  #advance(): void {
    for (let hasAdvanced = true; hasAdvanced;) {
      hasAdvanced = false
      for (const [session, own] of this.#sessions.entries()) {
        for (;;) {
          const item = own[this.#positions[session] as number]
          if (item === undefined || !this.#isQuiet(item) || !this.#isPossible(item)) break
          this.#do(item)
          hasAdvanced = true
        }
      }
    }
  }

  #isQuiet(item: number): boolean {
    return this.#items[item]?.access.left === undefined
  }

  /** Whether the register holds what the item needs. */
  #isPossible(item: number): boolean {
    const { register, answer, access } = this.#items[item] as Item
    const held = this.#held[register] as number
    return answer === undefined || isExplained(answer, access, this.#items[held]?.access)
  }

  /** The writes that may be next, those that began first in front. */
  #candidates(): number[] {
    const heads = this.#sessions.map((own, session) => own[this.#positions[session] as number])
    const loose = this.#loose.filter((item) => {
      const { after } = this.#items[item] as Item
      return this.#isDone[item] === 0 && (this.#positions[after.session] as number) >= after.count
    })
    return [...heads, ...loose]
      .filter((item) => item !== undefined)
      .filter((item) => this.#mayBeNext(item))
      .sort((a, b) => a - b)
  }

  #mayBeNext(item: number): boolean {
    if (this.#isQuiet(item) || !this.#isPossible(item)) return false
    const { register, source, session } = this.#items[item] as Item
    const held = this.#held[register] as number
    // Only the item itself may still need the value that it replaces.
    const isOwnNeed = source === held && session >= 0
    const isNeeded = held !== INITIAL && (this.#needed[held] as number) > (isOwnNeed ? 1 : 0)
    return !isNeeded && this.#isForced(item)
  }

  /** Whether everything that the forced order puts before the item is done. */
  #isForced(item: number): boolean {
    const { node } = this.#items[item] as Item
    if (node === NOTHING || this.#forced === undefined) return true
    const { nodes, clocks } = this.#forced
    const { column } = nodes[node] as OrderNode
    for (let c = 0; c < clocks.width; c++) {
      const count = (clocks.counts[node * clocks.width + c] as number) - (c === column ? 1 : 0)
      if (count > (this.#columns[c] as number)) return false
    }
    return true
  }

  #do(item: number): void {
    const { access, register } = this.#items[item] as Item
    this.#done.push({ item, held: this.#held[register] as number })
    this.#isDone[item] = 1
    this.#count(item, 1)
    if (access.left !== undefined) this.#held[register] = item
  }

  #undo(): void {
    const { item, held } = this.#done.pop() as Done
    this.#isDone[item] = 0
    this.#count(item, -1)
    this.#held[(this.#items[item] as Item).register] = held
  }

  #count(item: number, by: 1 | -1): void {
    const { session, source, node } = this.#items[item] as Item
    if (session >= 0) {
      this.#positions[session] = (this.#positions[session] as number) + by
      if (source >= 0) this.#needed[source] = (this.#needed[source] as number) - by
    }
    if (node === NOTHING || this.#forced === undefined) return
    const { column } = this.#forced.nodes[node] as OrderNode
    this.#columns[column] = (this.#columns[column] as number) + by
  }

  /** Equal states have equal texts. */
  #state(): string {
    const numbers = [
      ...this.#positions,
      ...Array.from(this.#held, (item) => item + 1),
      ...this.#loose.map((item) => this.#isDone[item] as number),
    ]
    const characters = numbers.flatMap((number) => [
      number & ((1 << CHARACTER_BITS) - 1),
      number >> CHARACTER_BITS,
    ])
    return characters.map((character) => String.fromCharCode(character)).join('')
  }
}

interface Items {
  readonly items: readonly Item[]
  /** For each session its items in order, without those of unknown outcome. */
  readonly sessions: readonly number[][]
  readonly registers: number
}

function itemsOf(sample: Sample, forced: Forced | undefined): Items {
  const { some } = sample
  const isUseful = isUsefulIn(some)
  const taken = some.filter((access) => access.isCertain || isUseful(access))
  const numbers = new Map(taken.map((access, item) => [access, item]))
  const nodeOf = new Map(forced?.nodes.map(({ access }, node) => [access, node]))
  const isKept = keptIn(sample)
  const sessions: number[][] = []
  const sessionOf = new Map<number, number>()
  const registers = new Map<string, number>()
  const items = taken.map((access, item): Item => {
    const { key, session: name, isCertain, answers } = access
    const session = sessionOf.get(name) ?? sessions.push([]) - 1
    sessionOf.set(name, session)
    const own = sessions[session] as number[]
    const after = { session, count: own.length }
    if (isCertain) own.push(item)
    const register = registers.get(key) ?? registers.size
    registers.set(key, register)
    const answer = answers.find((each) => isKept(each))
    const [giver] = answer !== undefined && isPlain(answer) ? answer.givers : []
    return {
      access,
      register,
      session: isCertain ? session : NOTHING,
      after,
      answer,
      source: (giver && numbers.get(giver)) ?? NOTHING,
      node: nodeOf.get(access) ?? NOTHING,
    }
  })
  return { items, sessions, registers: registers.size }
}

function keptIn({ some, isWhole }: Sample): (answer: Answer) => boolean {
  if (isWhole) return () => true
  const among = new Set(some)
  return ({ givers, giverCount }) =>
    givers.length === giverCount && givers.every((giver) => among.has(giver))
}

/** The accesses of unknown outcome whose effect may explain something. */
function isUsefulIn(some: readonly Access[]): (access: Access) => boolean {
  const needed = new Map<string, Set<number>>()
  const isAnyNeeded = new Set<string>()
  for (const { key, answers } of some) {
    const own = needed.get(key) ?? new Set<number>()
    needed.set(key, own)
    for (const { valueId, isOther } of answers) {
      own.add(valueId)
      if (isOther) isAnyNeeded.add(key)
    }
  }
  return ({ key, leftId }) =>
    isAnyNeeded.has(key) || (leftId !== undefined && needed.get(key)?.has(leftId) === true)
}
