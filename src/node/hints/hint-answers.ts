/** Answers the asks to this node as a stand-in for owners out of reach. */
import { newestDot } from '../../core/causality/stored-object.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import type { Asker, HandlersOf } from '../peers/ask-handlers.ts'
import type { Replica } from '../replica/replica.ts'
import { locationOf } from '../replica/replica-answers.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import { NO_FIELDS, type NoFields } from '../wire/asks/ask-format.ts'
import type { HintRequest } from '../wire/asks/hint-asks.ts'
import type { HintStore } from './hint-store.ts'

export interface HintAnswerParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly replica: Replica
  readonly hints: HintStore
  /** Whether this node may still keep a write of that time for other nodes (horizon-keeper.ts). */
  readonly mayKeep: (timestamp: Timestamp) => boolean
}

export function hintAnswers(parts: HintAnswerParts): HandlersOf<'hint' | 'read-hints'> {
  return {
    hint: (request, asker) => keepHint(parts, request, asker),
    'read-hints': (request, asker) => {
      const at = locationOf(parts.keeper, request, asker)
      if (at !== undefined) parts.hints.read(at, ({ record }) => asker.answer({ record }))
    },
  }
}

function keepHint(parts: HintAnswerParts, request: HintRequest, asker: Asker<NoFields>): void {
  const { self, keeper, replica, hints, mayKeep } = parts
  const { owner, record } = request
  const at = locationOf(keeper, request, asker)
  if (at === undefined) return
  if (keeper.isEmptying(self)) {
    asker.refuse({ code: 'not_owner', message: `${self} is leaving the cluster` })
    return
  }
  const copy = replica.refusal() ?? replica.receive(record)
  if ('code' in copy) {
    asker.refuse(copy)
    return
  }
  if (!mayKeep(newestDot(copy.object))) {
    const message = 'the write is too old: this node keeps only newer ones'
    asker.refuse({ code: 'late', message })
    return
  }
  hints.keep(owner, at, copy, replica.closed, (refusal) => {
    if (refusal === undefined) asker.answer(NO_FIELDS)
    else if (refusal === 'dropped') {
      asker.refuse({ code: 'overloaded', message: `no room for more hints for ${owner}` })
    } else asker.refuse(refusal)
  })
}
