/** The ask whether a node holds anything live of a bucket that is to be deleted (bucket-deletion.ts). */
import type { AskFormat } from './ask-format.ts'
import { textIn } from './fields.ts'

export interface BucketContentsRequest {
  readonly bucket: string
  /** The deletion for which the bucket is closed; '' if it is still open. */
  readonly deletion: string
}

export interface BucketContentsAnswer {
  /** Something live that the node holds, in words; '' if it holds nothing live. */
  readonly live: string
}

/** [bucket, deletion] → [live]. An earlier node of version 3 does not know this ask, and refuses it. */
export const BUCKET_CONTENTS: AskFormat<BucketContentsRequest, BucketContentsAnswer> = {
  kind: 'bucket-contents',
  encode: ({ bucket, deletion }, message) => void message.push(bucket, deletion),
  decode: ([bucket, deletion]) => ({ bucket: textIn(bucket), deletion: textIn(deletion) }),
  encodeAnswer: ({ live }, message) => void message.push(live),
  decodeAnswer: ([live]) => ({ live: textIn(live) }),
}
