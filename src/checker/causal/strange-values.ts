/**
 * Finds values that no read may return: never written, written only later, or rejected. The kind is `cycle` if a value
 * was read before it was written, by a session that knew of that read: an effect would be its own cause.
 */
import { seconds } from '../history/history.ts'
import { nameOf, readWords } from '../verdict/wording.ts'
import { chainWords } from './chain-words.ts'
import type { CausalPaths } from './causal-path.ts'
import { cyclesOf } from './components.ts'
import type { Finding } from './finding.ts'
import type { ReadStep, Step, StrangeValue, WriteStep } from './step.ts'
import { edgesOf } from './step-edges.ts'

/** Each strange value gives one finding, however often it was read. */
export function strangeValues(steps: readonly Step[], paths: CausalPaths): Finding[] {
  const inCycle = cyclicReads(steps)
  const findings = new Map<string, Finding>()
  for (const read of steps) {
    if (read.type !== 'read') continue
    for (const value of read.strange) {
      const name = JSON.stringify([read.key, value.id])
      const write = value.why === 'future' ? inCycle.get(read)?.get(value.id) : undefined
      const known = findings.get(name)
      if (known === undefined || (write !== undefined && known.kind !== 'cycle')) {
        findings.set(name, write === undefined ? strange(read, value) : cycle(read, write, paths))
      }
    }
  }
  return [...findings.values()]
}

function strange(read: ReadStep, { id, why, writer }: StrangeValue): Finding {
  const { key, operation } = read
  const at = seconds(writer?.invokedAt ?? 0)
  const reasons = {
    invented: `nobody wrote ${id} to ${nameOf(key)}`,
    rejected: `the write of ${id} at ${at} was rejected`,
    future: `${id} was not written before ${at}`,
  }
  return {
    kind: why === 'rejected' ? 'rejected' : 'invented',
    key,
    culprit: operation,
    tell: () => ({
      words: `${readWords(operation, id)}, but ${reasons[why]}`,
      operations: writer === undefined ? [operation] : [writer, operation],
    }),
  }
}

function cycle(read: ReadStep, write: WriteStep, paths: CausalPaths): Finding {
  return {
    kind: 'cycle',
    key: read.key,
    culprit: read.operation,
    tell: () => {
      const path = paths.shortest((step) => step === read, write) ?? [read, write]
      const chain = path.map(({ operation }) => operation)
      return {
        words: `cause and effect form a cycle: ${chainWords(chain)}`,
        operations: chain,
      }
    },
  }
}

/** The reads from the future that are part of a cycle. For each, the writes by the identity of their values. */
function cyclicReads(steps: readonly Step[]): Map<ReadStep, Map<string, WriteStep>> {
  const found = new Map<ReadStep, Map<string, WriteStep>>()
  const fromFuture = steps
    .filter((step) => step.type === 'read')
    .flatMap((read) =>
      read.strange.filter(({ why }) => why === 'future').map((value) => ({ read, value })),
    )
  if (fromFuture.length === 0) return found
  const writes = new Map(
    steps.filter((step) => step.type === 'write').map((write) => [write.operation, write]),
  )
  const edges = edgesOf(steps)
  for (const { read, value } of fromFuture) {
    const write = writes.get(value.writer as WriteStep['operation']) as WriteStep
    edges[write.place]?.push(read.place)
  }
  const componentOf = new Map<number, number>()
  for (const [i, places] of cyclesOf(edges).entries()) {
    for (const place of places) componentOf.set(place, i)
  }
  for (const { read, value } of fromFuture) {
    const write = writes.get(value.writer as WriteStep['operation']) as WriteStep
    const component = componentOf.get(read.place)
    if (component === undefined || component !== componentOf.get(write.place)) continue
    const own = found.get(read) ?? new Map<string, WriteStep>()
    found.set(read, own.set(value.id, write))
  }
  return found
}
