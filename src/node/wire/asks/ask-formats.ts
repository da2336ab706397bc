/** The table of all kinds of asks, and the type of each request and answer. */
import type { AskFormat } from './ask-format.ts'
import { BUCKET_CONTENTS } from './bucket-asks.ts'
import { APPLY, FETCH, READ, VERSION } from './copy-asks.ts'
import { CUT_END, CUT_HOLD, CUT_OPEN, CUT_PAGE, CUT_TAKEN } from './cut-asks.ts'
import { HINT, READ_HINTS } from './hint-asks.ts'
import { HELLO } from './identity-asks.ts'
import { LIST } from './list-asks.ts'
import { SWIM } from './liveness-asks.ts'
import { MOVES, STREAM, TOOK_OVER } from './move-asks.ts'
import {
  REGISTER_ACCEPT,
  REGISTER_PREPARE,
  REGISTER_PROMISED,
  REGISTER_READ,
} from './register-asks.ts'
import { REGISTER_CHANGE } from './register-change-ask.ts'
import { LEAVES, SYNC, TREE } from './repair-asks.ts'
import { STATUS } from './status-asks.ts'
import { ACCEPT, DECIDED, PREPARE, RECALL, TOPOLOGY } from './topology-asks.ts'
import { TRACE } from './trace-asks.ts'
import { CHANGES, NEWS } from './watch-asks.ts'
import { PUT, UPDATE } from './write-asks.ts'

export const ASK_FORMATS = {
  apply: APPLY,
  hint: HINT,
  read: READ,
  version: VERSION,
  'read-hints': READ_HINTS,
  hello: HELLO,
  sync: SYNC,
  tree: TREE,
  leaves: LEAVES,
  fetch: FETCH,
  put: PUT,
  update: UPDATE,
  list: LIST,
  changes: CHANGES,
  news: NEWS,
  status: STATUS,
  stream: STREAM,
  'took-over': TOOK_OVER,
  moves: MOVES,
  topology: TOPOLOGY,
  decided: DECIDED,
  prepare: PREPARE,
  accept: ACCEPT,
  recall: RECALL,
  'register-prepare': REGISTER_PREPARE,
  'register-accept': REGISTER_ACCEPT,
  'register-read': REGISTER_READ,
  'register-promised': REGISTER_PROMISED,
  'register-change': REGISTER_CHANGE,
  'bucket-contents': BUCKET_CONTENTS,
  'cut-hold': CUT_HOLD,
  'cut-taken': CUT_TAKEN,
  'cut-open': CUT_OPEN,
  'cut-page': CUT_PAGE,
  'cut-end': CUT_END,
  swim: SWIM,
  trace: TRACE,
} as const

type Formats = typeof ASK_FORMATS
export type AskKind = keyof Formats
export type RequestOf<Kind extends AskKind> =
  Formats[Kind] extends AskFormat<infer Request, unknown> ? Request : never
export type AnswerOf<Kind extends AskKind> =
  Formats[Kind] extends AskFormat<infer _, infer Answer> ? Answer : never
