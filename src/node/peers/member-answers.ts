/** Answers what other members ask about themselves, and takes their messages about who is up. */
import type { PeerLives } from '../identity/peer-lives.ts'
import type { HandlersOf } from './ask-handlers.ts'
import type { Liveness } from './liveness.ts'

export function memberAnswers(lives: PeerLives, liveness: Liveness): HandlersOf<'hello' | 'swim'> {
  return {
    hello: (_request, asker) => asker.answer(lives.past(asker.node)),
    swim: ({ message }, asker) => liveness.receive(asker.node, message),
  }
}
