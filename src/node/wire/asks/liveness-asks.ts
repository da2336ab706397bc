/** The messages of the failure detector (core/membership). */
import { type MembershipMessage, parseMembershipMessage } from '../../../core/membership/message.ts'
import type { Encodable } from '../../../ports/codec.ts'
import { ANSWERED_DONE, type AskFormat, type NoFields } from './ask-format.ts'

export interface SwimRequest {
  readonly message: MembershipMessage
}

/** One message of the failure detector. No answer is expected. [message] */
export const SWIM: AskFormat<SwimRequest, NoFields> = {
  kind: 'swim',
  isAnyEpoch: true,
  encode: (request, message) => void message.push(request.message as unknown as Encodable),
  decode([field]) {
    const message = parseMembershipMessage(field)
    if (message === undefined) throw new Error('not a message of the failure detector')
    return { message }
  },
  ...ANSWERED_DONE,
}
