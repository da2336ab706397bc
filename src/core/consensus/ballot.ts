/**
 * The identity and order of one attempt of consensus: higher ballots overrule lower ones. The node id makes ballots of
 * different proposers distinct. The acceptors refuse a second prepare of the same ballot, so even a proposer that lost
 * its counter in a crash cannot use a ballot twice.
 */

export interface Ballot {
  /** A whole number from 0. */
  readonly counter: number
  readonly node: string
}

/** Lower than every ballot of a proposer. */
export const BALLOT_ZERO: Ballot = { counter: 0, node: '' }

/** Negative if `a` is the lower one, 0 if they are equal. */
export function compareBallots(a: Ballot, b: Ballot): number {
  if (a.counter !== b.counter) return a.counter - b.counter
  return a.node < b.node ? -1 : a.node > b.node ? 1 : 0
}

export function maxBallot(a: Ballot, b: Ballot): Ballot {
  return compareBallots(a, b) >= 0 ? a : b
}

/** The lowest ballot of `node` that overrules `seen`. */
export function ballotAbove(seen: Ballot, node: string): Ballot {
  return { counter: seen.counter + 1, node }
}

/** The ballot that an acceptor of `ballot` promises to its proposer. It refuses all ballots between the two. */
export function nextBallot({ counter, node }: Ballot): Ballot {
  return { counter: counter + 1, node }
}

/** Decodes the tuple that `encodeBallot` made; undefined for anything else. */
export function parseBallot(data: unknown): Ballot | undefined {
  if (!Array.isArray(data) || data.length !== 2) return undefined
  const [counter, node] = data as unknown[]
  if (typeof counter !== 'number' || typeof node !== 'string') return undefined
  if (!Number.isSafeInteger(counter) || counter < 0 || counter > COUNTER_MAX) return undefined
  return { counter, node }
}

export function encodeBallot(ballot: Ballot): readonly [counter: number, node: string] {
  return [ballot.counter, ballot.node]
}

/** Far above what a register can reach in its life, and far enough below 2 ** 53 to go on counting. */
const COUNTER_MAX = 2 ** 52
