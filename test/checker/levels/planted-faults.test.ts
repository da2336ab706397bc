/** A comparison that finds no fault proves nothing: it finds each of these, which are planted in the deciders. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { differencesOf } from './ladder-against-definitions.ts'
import { HARD_HISTORIES } from './hard-histories.ts'
import { levelsByDefinition } from './levels-by-definition.ts'
import { smallHistories } from './small-histories.ts'
import { type Fault, spoiledLadder } from './spoiled-ladder.ts'

const HISTORIES = [
  ...HARD_HISTORIES,
  ...fc.sample(smallHistories, { numRuns: 2000, seed: 20_261_130 }),
]

const FAULTS: readonly Fault[] = [
  {
    what: 'a write of unknown outcome never happened',
    file: 'access.ts',
    find: "return outcome === 'fail' ? [] : draft([], input)",
    replace: "return outcome !== 'ok' ? [] : draft([], input)",
  },
  {
    what: 'a rejected write happened',
    file: 'access.ts',
    find: "return outcome === 'fail' ? [] : draft([], input)",
    replace: 'return draft([], input)',
  },
  {
    what: 'a failed compare-and-set shows nothing',
    file: 'access.ts',
    find: 'return error === MISMATCH ? draft([expected], undefined, true) : []',
    replace: 'return []',
  },
  {
    what: 'any failure of a compare-and-set counts as a mismatch',
    file: 'access.ts',
    find: 'return error === MISMATCH ? draft([expected], undefined, true) : []',
    replace: 'return draft([expected], undefined, true)',
  },
  {
    what: 'an answer with one writer is certain, although it may be the initial value',
    file: 'access.ts',
    find: 'return giverCount + (canBeInitial ? 1 : 0) === 1',
    replace: 'return giverCount === 1 || canBeInitial',
  },
  {
    what: 'a value may be read before its write begins',
    file: 'access.ts',
    find: 'return isCertain ? operation.lastIndex : Infinity',
    replace: 'return Infinity',
  },
  {
    what: 'only writes that began before the read can be its origin',
    file: 'access.ts',
    find: 'return isCertain ? operation.lastIndex : Infinity',
    replace: 'return operation.firstIndex',
  },
  {
    what: 'a value from nowhere is never found',
    file: 'impossible-answers.ts',
    find: 'if (answer === undefined || !isCertain) continue',
    replace: 'if (answer !== undefined || !isCertain) continue',
  },
  {
    what: 'a compare-and-set of unknown outcome proves that its value was there',
    file: 'impossible-answers.ts',
    find: 'if (answer === undefined || !isCertain) continue',
    replace: 'if (answer === undefined) continue',
  },
  {
    what: 'a client may read siblings from one order of all writes',
    file: 'impossible-answers.ts',
    find: 'const read = all.find(({ answers }) => answers.length > 1)',
    replace: 'const read = all.find(({ answers }) => answers.length > 9)',
  },
  {
    what: 'a doubtful answer counts as proof against causal',
    file: 'causal-steps.ts',
    find: "const isTold = doubtful === 'newest' || answers.every((answer) => isPlainOrFaulty(answer))",
    replace: 'const isTold = true',
  },
  {
    what: 'a doubtful answer never breaks causal',
    file: 'causal-rungs.ts',
    find: 'if (accesses.unsettledKeys.length === 0 && guessed?.has(rung) === false) return HOLDS',
    replace: 'if (accesses.unsettledKeys.length === 0) return HOLDS',
  },
  {
    what: 'a failed compare-and-set is no part of its session',
    file: 'causal-steps.ts',
    find: "return { ...operation, f: 'read', outcome: 'ok', output: answers[0]?.value ?? null }",
    replace: "return { ...operation, f: 'read', output: answers[0]?.value ?? null }",
  },
  {
    what: 'a cycle of compare-and-sets is cut, and not told',
    file: 'causal-rungs.ts',
    find: 'if (cycle.length > 0) {',
    replace: 'if (cycle.length > 9) {',
  },
  {
    what: 'a proof of a cycle lacks an operation',
    file: 'causal-steps.ts',
    find: 'return !(isNextInSession(before, part) && isNextInSession(part, after))',
    replace: 'return !(isNextInSession(before, part) || isNextInSession(part, after))',
  },
  {
    what: 'a write that comes before a read comes after what was read',
    file: 'register-order.ts',
    find: 'if (source >= 0 && write !== source) add(write, source, number)',
    replace: 'if (source >= 0 && write !== source) add(source, write, number)',
  },
  {
    what: 'a read comes before every write of its key',
    file: 'register-order.ts',
    find: 'if (source !== INITIAL) continue',
    replace: 'if (source === NONE) continue',
  },
  {
    what: 'a write of unknown outcome belongs to the order of its session',
    file: 'register-order.ts',
    find: 'if (!access.isCertain) {',
    replace: 'if (!access.isCertain && own === undefined) {',
  },
  {
    what: 'an unseen write of unknown outcome certainly happened',
    file: 'register-order.ts',
    find: 'const open = some.filter(({ isCertain }) => isCertain)',
    replace: 'const open = [...some]',
  },
  {
    what: 'the search for one order ends when one client is done',
    file: 'sequential-search.ts',
    find: 'return this.#sessions.every((own, session) => this.#positions[session] === own.length)',
    replace:
      'return this.#sessions.some((own, session) => this.#positions[session] === own.length)',
  },
  {
    what: 'the search for one order tries one candidate only',
    file: 'sequential-search.ts',
    find: 'const item = choice.candidates[choice.next++]',
    replace: 'const item = choice.next++ === 0 ? choice.candidates[0] : undefined',
  },
  {
    what: 'the search for one order keeps no value that is still needed',
    file: 'sequential-search.ts',
    find: 'const isNeeded = held !== INITIAL && (this.#needed[held] as number) > (isOwnNeed ? 1 : 0)',
    replace: 'const isNeeded = held !== INITIAL && (this.#needed[held] as number) >= 0',
  },
  {
    what: 'the search for one order never lets a write of unknown outcome happen',
    file: 'sequential-search.ts',
    find: 'return [...heads, ...loose]',
    replace: 'return [...heads]',
  },
  {
    what: 'a guessed order is right without a check',
    file: 'simple-order.ts',
    find: 'return exact !== undefined && isOneOrder(nodes, exact)',
    replace: 'return exact !== undefined',
  },
  {
    what: 'a failed compare-and-set finds the value that it expected',
    file: 'access.ts',
    find: 'if ((giver.leftId === answer.valueId) === answer.isOther) return false',
    replace: 'if (giver.leftId !== answer.valueId) return false',
  },
  {
    what: 'a proof against one order does not show that an operation happened',
    file: 'order-proof.ts',
    find: 'if (shownBy >= 0) needed.add(shownBy)',
    replace: 'if (shownBy >= nodes.length) needed.add(shownBy)',
  },
  {
    what: 'a read is final although a write follows',
    file: 'lost-writes.ts',
    find: 'if (firstIndex < lastChange) continue',
    replace: 'if (firstIndex < 0) continue',
  },
  {
    what: 'the first read through a node is its final one',
    file: 'lost-writes.ts',
    find: 'before.operation.lastIndex < lastIndex) byNode.set(node, read)',
    replace: 'before.operation.lastIndex > lastIndex) byNode.set(node, read)',
  },
  {
    what: 'a write is lost if one node returns an older state',
    file: 'lost-writes.ts',
    find: 'const known = Math.max(...last.map(({ answers }) => newestIndex(answers, shown)))',
    replace: 'const known = Math.min(...last.map(({ answers }) => newestIndex(answers, shown)))',
  },
  {
    what: 'a concurrent write loses a write',
    file: 'lost-writes.ts',
    find: 'acknowledged.findLast(({ operation }) => operation.firstIndex > known)',
    replace: 'acknowledged.findLast(({ operation }) => operation.lastIndex > known)',
  },
  {
    what: 'a write of unknown outcome took effect when it was sent',
    file: 'lost-writes.ts',
    find: 'shown[id]?.operation.lastIndex ?? Infinity',
    replace: 'shown[id]?.operation.lastIndex ?? -1',
  },
  {
    what: 'a lost write does not break linearizable',
    file: 'ladder.ts',
    find: 'const implied = asBroken(proofIn(first) ?? proofIn(second) ?? proofIn(lost))',
    replace: "const implied = first.type === 'broken' ? HOLDS : asBroken(proofIn(second))",
  },
]

/** The definitions are slow, so each history is judged by them once, as soon as a fault needs it. */
const truths: ReturnType<typeof levelsByDefinition>[] = []

/** The first differences that the fault makes; empty if the comparison does not find it. */
async function differencesWith(fault: Fault): Promise<readonly string[]> {
  const ladderOf = await spoiledLadder(fault)
  for (const [i, history] of HISTORIES.entries()) {
    const truth = (truths[i] ??= levelsByDefinition(history))
    try {
      const found = differencesOf(history, truth, ladderOf(history, undefined, { nowMs: () => 0 }))
      if (found.length > 0) return found
    } catch (error) {
      return [String(error)]
    }
  }
  return []
}

describe('the comparison with the definitions finds that', () => {
  test.each(FAULTS)('$what', async (fault) => {
    expect(await differencesWith(fault)).not.toEqual([])
  })
})
