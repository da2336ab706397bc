/**
 * Checks the session guarantees of Terry et al. 1994, read by read. A read that breaks two of them gives two findings.
 */
import { chainWords } from './chain-words.ts'
import type { Finding } from './finding.ts'
import { countWhere, isOlder, type KeyWrites } from './key-writes.ts'
import { isOverwritten, type Judging } from './overwritten-reads.ts'
import { type Seen, seenValuesIn, type SeenValues } from './seen-values.ts'
import type { ReadStep, Step, WriteStep } from './step.ts'

type Guarantee = 'read your writes' | 'monotonic reads' | 'monotonic writes' | 'writes follow reads'

/** The write that the read should have seen. `why` holds the steps that lead from the write to the read. */
interface Breach {
  readonly guarantee: Guarantee
  readonly write: WriteStep
  readonly why: readonly Step[]
}

interface Reading {
  readonly read: ReadStep
  readonly writes: KeyWrites
  readonly seen: SeenValues
  /** Whether everything that the read returned is older than the write. */
  readonly isOlderThan: (write: WriteStep) => boolean
}

export function brokenGuarantees(judging: Judging): Finding[] {
  const { order, written } = judging
  const seen = seenValuesIn(order)
  const findings: Finding[] = []
  for (const read of order.steps) {
    if (read.type !== 'read') continue
    const writes = written.get(read.key)
    // A breach needs a newer write in the read's causal past, so most reads are skipped.
    if (writes !== undefined && isOverwritten(judging, read)) {
      const isOlderThan = (write: WriteStep): boolean => isOlder(order, writes, read, write)
      for (const breach of breachesOf({ read, writes, seen, isOlderThan })) {
        findings.push(findingOf(judging, read, breach))
      }
    }
    seen.add(read)
  }
  return findings
}

function breachesOf(reading: Reading): Breach[] {
  // If a read breaks a guarantee towards several sessions, that counts once.
  return [
    readYourWrites(reading),
    monotonicReads(reading),
    monotonicWrites(reading),
    writesFollowReads(reading),
  ].filter((breach) => breach !== undefined)
}

function readYourWrites({ read, writes, isOlderThan }: Reading): Breach | undefined {
  const write = lastWriteBefore(writes, read.operation.session, read.place)
  if (write === undefined || !isOlderThan(write)) return undefined
  return { guarantee: 'read your writes', write, why: [] }
}

function monotonicReads({ read, seen, isOlderThan }: Reading): Breach | undefined {
  const before = seen
    .seenBefore(read.operation.session, read.key, read.place)
    .find(({ write }) => isOlderThan(write))
  if (before === undefined) return undefined
  return { guarantee: 'monotonic reads', write: before.write, why: [before.read] }
}

function monotonicWrites({ read, writes, seen, isOlderThan }: Reading): Breach | undefined {
  for (const [session, later] of seen.writersSeen(read.operation.session)) {
    const write = lastWriteBefore(writes, session, later.write.place)
    if (write === undefined || !isOlderThan(write)) continue
    return { guarantee: 'monotonic writes', write, why: [later.write, later.read] }
  }
  return undefined
}

function writesFollowReads({ read, seen, isOlderThan }: Reading): Breach | undefined {
  for (const [session, later] of seen.writersSeen(read.operation.session)) {
    const cause: Seen | undefined = seen
      .seenBefore(session, read.key, later.write.place)
      .find(({ write }) => isOlderThan(write))
    if (cause === undefined) continue
    const why = [cause.read, later.write, later.read]
    return { guarantee: 'writes follow reads', write: cause.write, why }
  }
  return undefined
}

/** The session's newest acknowledged write before the place. Checking it covers all earlier ones. */
function lastWriteBefore(
  { bySession }: KeyWrites,
  session: number,
  before: number,
): WriteStep | undefined {
  const own = bySession.get(session) ?? []
  return own[countWhere(own, ({ place }) => place < before) - 1]
}

function findingOf({ paths }: Judging, read: ReadStep, breach: Breach): Finding {
  const { guarantee, write, why } = breach
  return {
    kind: guarantee,
    key: read.key,
    culprit: read.operation,
    tell: () => {
      // Each value that the read returned is older than the write, not only one of them.
      const older = read.sources.flatMap((source) => {
        const path = paths.shortest((step) => step === source, write) ?? []
        return path.slice(0, -1)
      })
      const chain = [...older, write, ...why, read].map(({ operation }) => operation)
      return { words: `${leadOf(read, breach)}: ${chainWords(chain)}`, operations: chain }
    },
  }
}

function leadOf(read: ReadStep, { guarantee, write, why }: Breach): string {
  const reader = `client ${read.operation.session}`
  const writer = `client ${(why.find((step) => step.type === 'write') ?? write).operation.session}`
  switch (guarantee) {
    case 'read your writes':
      return `${reader} did not see its own write`
    case 'monotonic reads':
      return `${reader} read an older state than it had read before`
    case 'monotonic writes':
      return `${reader} saw a later write of ${writer}, but not its earlier write`
    case 'writes follow reads':
      return `${reader} saw a write of ${writer}, but not the value that ${writer} had read before that write`
    default:
      return guarantee satisfies never
  }
}
