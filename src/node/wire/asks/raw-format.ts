/** The format of an ask whose fields its sender still writes and reads itself. */
import type { Encodable } from '../../../ports/codec.ts'
import type { AskKind } from '../messages.ts'
import type { AskFormat } from './ask-format.ts'

type Body = readonly Encodable[]

export function rawFormat(kind: AskKind): AskFormat<Body, Body> {
  return {
    kind,
    encode: (body, message) => void message.push(...body),
    decode: (fields) => fields as Body,
    encodeAnswer: (body, message) => void message.push(...body),
    decodeAnswer: (fields) => fields as Body,
  }
}
