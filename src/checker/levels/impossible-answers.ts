/**
 * Finds answers that no order of the operations explains: values from nowhere, which every level from causal up forbids,
 * and several values at once, which a register never holds.
 */
import type { Access, Answer } from './access.ts'
import type { Proof } from './level.ts'

/** The first answer that nobody can have left in its register; undefined if there is none. */
export function valueFromNowhere(all: readonly Access[]): Proof | undefined {
  for (const { operation, answers, isCertain } of all) {
    const answer = answers.find(({ fault }) => fault !== undefined)
    if (answer === undefined || !isCertain) continue
    const writer = answer.fault?.writer
    return {
      lead: leadOf(answer),
      operations: writer === undefined ? [operation] : [writer, operation],
      culprit: operation,
    }
  }
  return undefined
}

function leadOf({ value, fault, isOther }: Answer): string {
  const text = value === null ? 'no value' : JSON.stringify(value)
  if (isOther) {
    const why =
      fault?.why === 'rejected'
        ? 'the write of any other value was rejected'
        : fault?.why === 'late'
          ? 'no client had begun to write another value'
          : 'nobody wrote another value'
    return `a compare-and-set found another value than ${text}, but ${why}`
  }
  switch (fault?.why) {
    case 'rejected':
      return `a client read ${text}, but the write of ${text} was rejected`
    case 'late':
      return `a client read ${text} before any client began to write it`
    default:
      return `a client read ${text}, but nobody wrote it`
  }
}

/** The first read that returned siblings; undefined if there is none. */
export function severalValues(all: readonly Access[]): Proof | undefined {
  const read = all.find(({ answers }) => answers.length > 1)
  if (read === undefined) return undefined
  const writers = read.answers.flatMap(({ givers }) => givers.slice(-1))
  return {
    lead: `a client read ${read.answers.length} values at once, but one order of all writes leaves one value`,
    operations: [...writers.map(({ operation }) => operation), read.operation],
    culprit: read.operation,
  }
}
