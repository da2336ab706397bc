/**
 * Linearizability by trying every order, with no cleverness but a memory of (what is in order, state): slow, and
 * simple enough to be believed. Shares nothing with the checker's search.
 */
import type { Json } from '../../../src/checker/history/history.ts'
import type { Operation } from '../../../src/checker/history/operation.ts'

export function isLinearizable(operations: readonly Operation[], initial: Json): boolean {
  const happened = operations.filter(
    ({ outcome, error }) => outcome !== 'fail' || error === 'mismatch',
  )
  const all = happened.reduce(
    (bits, { outcome }, i) => (outcome === 'info' ? bits : bits | (1n << BigInt(i))),
    0n,
  )
  const tried = new Set<string>()
  const search = (done: bigint, state: Json): boolean => {
    if ((done & all) === all) return true
    const name = `${done} ${JSON.stringify(state)}`
    if (tried.has(name)) return false
    tried.add(name)
    const isDone = (i: number): boolean => (done & (1n << BigInt(i))) !== 0n
    // Nothing may come before an operation that had returned when it was invoked.
    const deadline = Math.min(
      ...happened.map(({ outcome, lastIndex }, i) =>
        isDone(i) || outcome === 'info' ? Infinity : lastIndex,
      ),
    )
    return happened.some((operation, i) => {
      if (isDone(i) || operation.firstIndex > deadline) return false
      const next = apply(operation, state)
      return next !== undefined && search(done | (1n << BigInt(i)), next)
    })
  }
  return search(0n, initial)
}

/** The state after the operation; undefined where it cannot have taken effect there. */
function apply({ f, outcome, input, output }: Operation, state: Json): Json | undefined {
  switch (f) {
    case 'read':
    case 'get': {
      const seen = f === 'get' ? (output ?? '') : output
      return outcome !== 'ok' || seen === state ? state : undefined
    }
    case 'write':
    case 'put':
      return input
    case 'append':
      return `${state as string}${input as string}`
    case 'delete':
      return null
    case 'cas': {
      const [expected, next] = input as [Json, Json]
      if (outcome === 'fail') return state === expected ? undefined : state
      return state === expected ? next : undefined
    }
    default:
      throw new Error(f)
  }
}
