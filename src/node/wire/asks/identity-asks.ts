/** The ask with which a starting node learns about its own earlier lives. */
import { encodeLives, type HeardLives, parseLives } from '../heard-lives.ts'
import { type AskFormat, type NoFields, WITHOUT_FIELDS } from './ask-format.ts'

/** Asks for the stamps that the peer has heard from the sender's earlier lives. [] → encodeLives (heard-lives.ts) */
export const HELLO: AskFormat<NoFields, HeardLives> = {
  kind: 'hello',
  isAnyEpoch: true,
  ...WITHOUT_FIELDS,
  encodeAnswer: (lives, message) => void message.push(...encodeLives(lives)),
  decodeAnswer(fields) {
    const lives = parseLives(fields)
    if (lives === undefined) throw new Error('not the stamps of earlier lives')
    return lives
  },
}
