/**
 * Decides the levels `causal` and the four session guarantees, in time that is nearly linear in the history if each
 * answer has one origin.
 *
 * Causal is causal consistency (Ahamad et al., "Causal memory", 1995; CC of Bouajjani, Enea, Guerraoui, Hamza, "On
 * verifying causal consistency", 2017): no cycle of cause and effect, no value from nowhere, and no read that its own
 * causal past had replaced. The clients may see concurrent writes in different orders; the model `causal` checks that,
 * too. The session guarantees are those of Terry et al. ("Session guarantees for weakly consistent replicated data",
 * 1994; see also Bailis et al., "Highly available transactions", 2013), read by read, as the model `session` checks
 * them. A value is older than a write if it comes before the write in the causal order: of two concurrent writes none is
 * older, because a store may order them as it likes.
 *
 * A compare-and-set counts as a read and then a write of its client. A failed one counts as a read. One of unknown
 * outcome counts as a write, because its client got no answer. If an answer has several origins, two histories are
 * judged. Without these answers, a contradiction is a proof. With the newest origin of each, a history without
 * contradictions is a proof, too. Otherwise the level is unknown.
 */
import { causalOrderOf } from '../causal/causal-order.ts'
import { causalPathsOf } from '../causal/causal-path.ts'
import type { Finding } from '../causal/finding.ts'
import { brokenGuarantees } from '../causal/guarantees.ts'
import { keyWritesOf } from '../causal/key-writes.ts'
import { overwrittenRead } from '../causal/overwritten-reads.ts'
import { nameOf } from '../verdict/wording.ts'
import { type Access, type Accesses, type Answer, isPlain } from './access.ts'
import {
  HOLDS,
  type Judgement,
  type LadderLimits,
  type Proof,
  SESSION_GUARANTEES,
  type SessionGuarantee,
  unknown,
} from './level.ts'
import { causalStepsOf } from './causal-steps.ts'

type CausalRung = 'causal' | SessionGuarantee

type CausalRungs = Readonly<Record<CausalRung, Judgement>>

/** `nowhere` is the proof of a value from nowhere, which breaks causal. */
export function causalRungs(
  accesses: Accesses,
  nowhere: Proof | undefined,
  limits: LadderLimits,
): CausalRungs {
  const certain = proofsIn(accesses, 'leave out', limits)
  if (certain === undefined) {
    return rungs(() =>
      unknown('the causal order of this history needs more memory than the limit allows'),
    )
  }
  if (nowhere !== undefined) certain.set('causal', nowhere)
  const doubt = doubtIn(accesses)
  const guessed = doubt === undefined ? certain : proofsIn(accesses, 'newest', limits)
  return rungs((rung) => {
    const proof = certain.get(rung)
    if (proof !== undefined) return { type: 'broken', proof }
    if (accesses.unsettledKeys.length === 0 && guessed?.has(rung) === false) return HOLDS
    return unknown(doubt ?? 'the initial value is unknown')
  })
}

function rungs(judge: (rung: CausalRung) => Judgement): CausalRungs {
  return {
    causal: judge('causal'),
    'monotonic reads': judge('monotonic reads'),
    'monotonic writes': judge('monotonic writes'),
    'read your writes': judge('read your writes'),
    'writes follow reads': judge('writes follow reads'),
  }
}

/** What keeps the levels from being decided for certain; undefined if nothing does. */
export function doubtIn({ all, unsettledKeys }: Accesses): string | undefined {
  const [unsettled] = unsettledKeys
  if (unsettled !== undefined) {
    return `${nameOf(unsettled)} may have begun with two different values; say which with --initial`
  }
  const doubtful = all.filter(isDoubtful)
  const [first] = doubtful
  if (first === undefined) return undefined
  const { value, isOther } = first.answers.find((answer) => !isPlain(answer)) as Answer
  const text = value === null ? 'no value' : JSON.stringify(value)
  const held = `${isOther ? 'did not hold' : 'held'} ${text}`
  return `${doubtful.length === 1 ? 'one answer does' : `${doubtful.length} answers do`} not tell which write the client saw: for example, several operations can explain why ${nameOf(first.key)} ${held} in event ${first.operation.lastIndex}`
}

function isDoubtful({ answers, isCertain }: Access): boolean {
  return isCertain && answers.some((answer) => answer.fault === undefined && !isPlain(answer))
}

/** How many contradictions of one level are compared to find the smallest. */
const COMPARED_MAX = 200

/** A small proof against each level that is broken; undefined if the causal order takes too much memory. */
function proofsIn(
  { all }: Accesses,
  doubtful: 'leave out' | 'newest',
  { memoryBytes }: LadderLimits,
): Map<CausalRung, Proof> | undefined {
  const { steps, cycle } = causalStepsOf(all, doubtful)
  const order = causalOrderOf(steps, memoryBytes)
  if (order === undefined) return undefined
  const judging = { order, written: keyWritesOf(steps), paths: causalPathsOf(steps) }
  const proofs = new Map<CausalRung, Proof>()
  const original = new Map(all.map(({ operation }) => [operation.firstIndex, operation]))
  const prove = (rung: CausalRung, findings: readonly Finding[]): void => {
    const indexes = smallestOf(findings)
    if (indexes === undefined) return
    const operations = indexes.flatMap((index) => original.get(index) ?? [])
    proofs.set(rung, { lead: LEADS[rung], operations, culprit: operations.at(-1) })
  }
  const reads = steps.filter((step) => step.type === 'read')
  prove(
    'causal',
    reads.flatMap((read) => overwrittenRead(judging, read) ?? []),
  )
  if (cycle.length > 0) {
    const operations = cycle.map(({ operation }) => operation)
    proofs.set('causal', {
      lead: 'cause and effect form a cycle: none of these operations can be the first one',
      operations,
    })
  }
  const byKind = Map.groupBy(brokenGuarantees(judging), ({ kind }) => kind)
  for (const guarantee of SESSION_GUARANTEES) prove(guarantee, byKind.get(guarantee) ?? [])
  return proofs
}

/** The first events of the operations of the smallest finding. A compare-and-set is two steps of one operation. */
function smallestOf(findings: readonly Finding[]): readonly number[] | undefined {
  const told = findings
    .slice(0, COMPARED_MAX)
    .map(({ tell }) => [...new Set(tell().operations.map(({ firstIndex }) => firstIndex))])
  return told.reduce<readonly number[] | undefined>(
    (best, each) => (best === undefined || each.length < best.length ? each : best),
    undefined,
  )
}

const LEADS: Readonly<Record<CausalRung, string>> = {
  causal: 'the last read returned a state that the causes of this read had replaced',
  'monotonic reads': 'the last read returned an older state than its client had read before',
  'monotonic writes':
    'the client of the last read had seen a later write of another client, but not its earlier write',
  'read your writes': 'the client of the last read did not see its own write',
  'writes follow reads':
    'the client of the last read had seen a write, but not what the writer had read before that write',
}
