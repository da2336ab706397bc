/** What still works in a cluster, in words: for each group of nodes, and in one sentence. Pure. */
import type { ClusterAnswer } from './cluster-answer.ts'
import type { Group, Picture } from './cluster-picture.ts'

/** What a healthy node says, and nothing more. */
const HEALTHY = /^\S+ reaches all \d+ members; reads and writes at quorum work for every key\.$/

/** The verdicts that an operator should read. */
export function troubledVerdicts(answers: readonly ClusterAnswer[]): readonly ClusterAnswer[] {
  return answers.filter(({ verdict }) => !HEALTHY.test(verdict))
}

/** One sentence that says what still works, and where. */
export function sentenceOf(picture: Picture, answers: readonly ClusterAnswer[]): string {
  const { members, groups, silent } = picture
  const faults = faultsOf(picture)
  if (faults.length === 0) {
    const who =
      members.length === 1
        ? 'the only member answers'
        : `all ${members.length} members reach each other`
    if (troubledVerdicts(answers).length === 0) {
      return `Everything works: ${who}, and every level works for every key.`
    }
    return `Apart from what the nodes say above, everything works: ${who}, and every level works for every key.`
  }
  const unasked = silent.length > 0 && groups.length === 1
  const hint = unasked ? '; to see their side, name their endpoints, too' : ''
  return (
    `${faults.join(', and ')}: ${quorumWords(groups)}; ` +
    'those at weak and eventual for every key, those at causal, too, unless the past of the session is out of ' +
    `reach, and those at all only where every owner is in reach${hint}.`
  )
}

/** For example `n1, n2`. */
export function listOf(nodes: readonly string[]): string {
  return nodes.join(', ')
}

/** Never 0 % or 100 % unless that is exactly so. */
export function percentOf(share: number): string {
  const rounded = Math.round(share * 100)
  const shown = share <= 0 || share >= 1 ? rounded : Math.min(99, Math.max(1, rounded))
  return `${shown} %`
}

function faultsOf({ groups, silent }: Picture): string[] {
  const broken = groups.some(({ brokenLinks }) => brokenLinks.length > 0)
  const [first = ''] = silent
  return [
    ...(groups.length > 1
      ? [
          `The cluster is cut into ${groups.length} groups (${groups.map(({ nodes }) => listOf(nodes)).join(' | ')})`,
        ]
      : []),
    ...(silent.length === 0
      ? []
      : [silent.length === 1 ? `${first} does not answer` : `${listOf(silent)} do not answer`]),
    ...(broken ? ['some links are cut'] : []),
  ]
}

function quorumWords(groups: readonly Group[]): string {
  const asked = groups.filter(({ quorumShare }) => quorumShare !== undefined)
  if (asked.every(({ quorumShare }) => quorumShare === 1)) {
    const where =
      groups.length > asked.length
        ? ` through ${asked.map(({ nodes }) => listOf(nodes)).join(' and ')}`
        : ''
    return `reads and writes at quorum and strong work for every key${where}`
  }
  const parts = asked.map(
    ({ nodes, quorumShare = 0 }) => `${keysOf(quorumShare)} through ${listOf(nodes)}`,
  )
  return `reads and writes at quorum and strong work for ${parts.join(' and for ')}`
}

function keysOf(share: number): string {
  if (share <= 0) return 'no key'
  return share >= 1 ? 'every key' : `${percentOf(share)} of the keys`
}
