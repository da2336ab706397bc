/** The asks to a node that stands in for an owner out of reach. */
import { ANSWERED_DONE, type AskFormat, type NoFields } from './ask-format.ts'
import { ABOUT_KEY, ANSWERED_RECORD, type KeyRequest, type RecordAnswer } from './copy-asks.ts'
import { bytesIn, textIn } from './fields.ts'

export interface HintRequest extends KeyRequest {
  readonly owner: string
  readonly record: Uint8Array
}

/** Asks the node to keep the record for that owner. [owner, bucket, key, record] */
export const HINT: AskFormat<HintRequest, NoFields> = {
  kind: 'hint',
  encode({ owner, bucket, key, record }, message) {
    message.push(owner, bucket, key, record)
  },
  decode([owner, bucket, key, record]) {
    return {
      owner: textIn(owner),
      bucket: textIn(bucket),
      key: textIn(key),
      record: bytesIn(record),
    }
  },
  ...ANSWERED_DONE,
}

/** Asks for the merge of all hints for the key; empty if the node keeps none. */
export const READ_HINTS: AskFormat<KeyRequest, RecordAnswer> = {
  kind: 'read-hints',
  ...ABOUT_KEY,
  ...ANSWERED_RECORD,
}
