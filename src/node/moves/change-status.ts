/** The change of the members under way, as data for clients and as a sentence for people. */
import { waitingFor } from '../../core/placement/change-steps.ts'
import type { MemberChange } from '../../core/placement/member-change.ts'
import type { Topology } from '../../core/placement/topology.ts'
import type { ChangeStatus } from '../service/service.ts'

/** Null if no change is under way. */
export function changeStatus(topology: Topology): ChangeStatus | null {
  const { change } = topology
  if (change === undefined) return null
  const { kind, joining, leaving, phase, done } = change
  return { kind, joining, leaving, phase, done, waitingFor: waitingFor(topology) }
}

/** Sentences; '' if no change is under way, and no lost member waits for its removal. */
export function changeWords(topology: Topology): string {
  const { change, lost = [] } = topology
  const names = lost.join(', ')
  if (change === undefined) {
    return names === '' ? '' : `${names} will be removed as soon as there are enough other members.`
  }
  const waiting = waitingFor(topology)
  const forWhom = waiting.length === 0 ? '' : `, waiting for ${waiting.join(', ')}`
  const later = names === '' ? '' : ` After that, ${names} will be removed.`
  return `${whoWords(change)}: ${phaseWords(change)}${forWhom}.${later}`
}

function whoWords({ kind, joining, leaving }: MemberChange): string {
  switch (kind) {
    case 'join':
      return `${joining} is joining`
    case 'leave':
      return `${leaving} is leaving`
    case 'replace':
      return `${joining ?? 'another member'} is taking the place of ${leaving}`
    case 'remove':
      return `${leaving} is being removed`
    default:
      return kind satisfies never
  }
}

function phaseWords({ phase, leaving }: MemberChange): string {
  switch (phase) {
    case 'moving':
      return 'copies are being moved'
    case 'releasing':
      return 'the moved copies are being compared once more'
    case 'emptying':
      return `${leaving} is handing over its hints and emptying itself`
    default:
      return phase satisfies never
  }
}
