/** The hops of a request in words: what one node asked another, what became of the message, and what was answered. */
import type { HopAnswer } from '../../simulation/interactive/hop-answer.ts'
import type { HopView, PassageView } from '../../simulation/interactive/request-hops.ts'
import type { CopyView } from '../../simulation/interactive/world-view.ts'
import { heldWords } from './node-words.ts'

const ASKS: Readonly<Record<string, (hop: HopView) => string>> = {
  apply: ({ from, to, isRepair }) =>
    isRepair ? `${from} sends ${to} the newer copy` : `${from} sends ${to} the write`,
  read: ({ from, to }) => `${from} asks ${to} for its copy`,
  version: ({ from, to }) => `${from} asks ${to} for the version of its copy`,
  fetch: ({ from, to }) => `${from} asks ${to} for its copy, to compare it`,
  'read-hints': ({ from, to }) => `${from} asks ${to} whether it keeps hints for the key`,
  hint: ({ from, to, standsInFor }) => `${from} asks ${to} to keep a hint for ${standsInFor}`,
  'register-prepare': ({ from, to }) => `${from} asks ${to} to promise its ballot (prepare)`,
  'register-accept': ({ from, to }) => `${from} asks ${to} to accept the value (accept)`,
  'register-read': ({ from, to }) => `${from} asks ${to} what it has accepted`,
}

/** What one node asks another, without what becomes of it. */
export function askWords(hop: HopView): string {
  const words = ASKS[hop.kind]
  return words === undefined
    ? `${hop.from} passes the request on to ${hop.to}, an owner`
    : words(hop)
}

/** What has become of an ask that has no answer. */
export function fateOfAsk({ to, ask }: HopView, isOver: boolean): string {
  switch (ask.state) {
    case 'arrived':
      return isOver ? `${to} got it, but has not answered` : `${to} has got it`
    default:
      return fateWords(ask.state)
  }
}

export function fateWords(state: Exclude<PassageView['state'], 'arrived'>): string {
  return { 'under way': 'on its way', held: 'a cut holds it back', lost: 'lost on the way' }[state]
}

export function answerWords({ to }: HopView, says: HopAnswer): string {
  switch (says.type) {
    case 'stored':
      return `${to} has stored it`
    case 'kept':
      return `${to} keeps the hint`
    case 'copy':
      return `${to} answers: ${copyWords(says.copy)}`
    case 'version':
      return `${to} tells the version of its copy`
    case 'promise':
      return `${to} promises${acceptedWords(says.accepted)}`
    case 'accepted':
      return `${to} accepts`
    case 'conflict':
      return `${to} refuses: it has promised a higher ballot`
    case 'done':
      return `${to} answers: done`
    case 'failed':
      return `${to} answers: ${says.code}`
    case 'refused':
      return `${to} refuses: ${says.code}`
    default:
      return says satisfies never
  }
}

function copyWords(copy: CopyView): string {
  return heldWords(copy).join(' and ') || 'no copy'
}

function acceptedWords(accepted: CopyView | null): string {
  const held = accepted === null ? [] : heldWords(accepted)
  return held.length === 0 ? '' : `, and has accepted ${held.join(' and ')}`
}
