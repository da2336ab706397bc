/**
 * Decides the level `linearizable`, key by key (Herlihy, Wing, "Linearizability: a correctness condition for concurrent
 * objects", 1990). The room `linear` decides each key: in linear time if each value has one writer, else by a search.
 */
import type { Json } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'
import { decide, smallestCore } from '../linear/decide.ts'
import { type ObjectHistory, objectsOf, operationAt } from '../linear/object-history.ts'
import type { Limits } from '../linear/outcome.ts'
import { registerObject } from '../linear/register-object.ts'
import { Scratch } from '../linear/scratch.ts'
import { takeTurns } from '../linear/turns.ts'
import { nameOf } from '../verdict/wording.ts'
import type { Access, Accesses } from './access.ts'
import { broken, HOLDS, type Judgement, type LadderLimits, type Proof, unknown } from './level.ts'

/** On so many keys the smallest evidence is searched. */
const CORES_MAX = 3

export function linearizable(
  { all, history, initial }: Accesses,
  { nowMs, timeMs, memoryBytes }: LadderLimits,
): Judgement {
  const limits: Limits = { nowMs, deadlineMs: nowMs() + timeMs, memoBytesMax: memoryBytes }
  const { objects } = objectsOf(history, () => registerObject(true))
  const scratch = new Scratch()
  const proofs: (() => Proof)[] = []
  const outOfMemory: ObjectHistory[] = []
  const outOfTime = takeTurns(
    objects,
    (of, turn) => {
      const { object, key } = of
      const steps = of.steps()
      const decided = decide(steps, object, initial, turn, scratch)
      const { outcome } = decided
      if (outcome.type === 'unknown') {
        if (outcome.why === 'time') return true
        outOfMemory.push(of)
      } else if (outcome.type === 'not-linearizable') {
        proofs.push(() => {
          const { sources, anyStateBefore } = smallestCore(
            { ...decided, outcome },
            object,
            initial,
            limits,
          )
          const core = sources.map((row) => operationAt(history, steps.table, row))
          const operations = withWriters(core, all)
          const lead = leadOf(key, anyStateBefore === undefined, initial)
          return { lead, operations, culprit: operationAt(history, steps.table, outcome.op) }
        })
      }
      return false
    },
    limits,
    () => proofs.length > 0,
  )
  const [proof] = proofs
    .slice(0, CORES_MAX)
    .map((prove) => prove())
    .sort((a, b) => a.operations.length - b.operations.length)
  if (proof !== undefined) return broken(proof)
  const [undecided] = [...outOfMemory, ...outOfTime]
  if (undecided === undefined) return HOLDS
  const bound = outOfMemory.length > 0 ? 'memory' : 'time'
  return unknown(`the search for an order of ${nameOf(undecided.key)} ran out of ${bound}`)
}

/** Adds the writes of the values that were read, because a reader must see that these had ended before. */
function withWriters(core: readonly Operation[], all: readonly Access[]): readonly Operation[] {
  const byIndex = new Map(core.map((operation) => [operation.firstIndex, operation]))
  for (const { operation, answers } of all) {
    if (!byIndex.has(operation.firstIndex)) continue
    for (const giver of answers.flatMap(({ givers, isOther }) => (isOther ? [] : givers))) {
      byIndex.set(giver.operation.firstIndex, giver.operation)
    }
  }
  return [...byIndex.values()].sort((one, other) => one.firstIndex - other.firstIndex)
}

function leadOf(key: string, beginsInitially: boolean, initial: readonly Json[]): string {
  const held = initial.map((value) => (value === null ? 'no value' : JSON.stringify(value)))
  const before = beginsInitially
    ? `held ${held.join(' or ')} at first`
    : 'may have held any value before'
  return `no order of these operations agrees with real time and explains each answer; ${nameOf(key)} ${before}`
}
