/** The headers of requests for values and of their answers, as the document of the interface describes them. */
import { LEVELS } from '../../core/quorum/level.ts'
import type { HeaderField } from '../http/endpoint.ts'
import { choiceOf, COUNT, TEXT, type Schema } from '../http/schema.ts'

const TOKEN: Schema = { type: 'string', pattern: '^[A-Za-z0-9_-]+$' }
const ENTITY_TAG: Schema = { type: 'string', pattern: '^"[0-9a-f]{16}"$' }

const field = (name: string, schema: Schema, meaning: string): HeaderField => ({
  name,
  schema,
  meaning,
})

export const SEND_CONTEXT = field(
  'Quorate-Context',
  TOKEN,
  'The context of a read or write of this key: this write replaces what that answer had seen. ' +
    '`none`: the client has seen nothing, so the write replaces nothing. Not for strong keys.',
)
export const SEND_SESSION = field(
  'Quorate-Session',
  TOKEN,
  'The session of an earlier answer: this request then sees what that answer had seen.',
)
export const IF_MATCH = field(
  'If-Match',
  TEXT,
  'Strong keys: write only if the value has one of these entity tags.',
)
export const IF_NONE_MATCH_WRITE = field(
  'If-None-Match',
  TEXT,
  'Strong keys: `*` writes only if there is no value; entity tags, only if the value has none of them.',
)
export const IF_NONE_MATCH_READ = field(
  'If-None-Match',
  TEXT,
  'Entity tags that the client has: if the key still has one of them, the answer is 304.',
)
export const ACCEPT_SIBLINGS = field(
  'Accept',
  TEXT,
  '`multipart/mixed` asks for siblings as raw values. By default they are JSON.',
)

/** On every answer about a key. */
export const COMMON_HEADERS = [
  field(
    'Quorate-Quorum',
    { type: 'string', pattern: '^need=\\d+, got=\\d+, hinted=\\d+$' },
    'How many answers were needed, how many came, and how many of these came from fallback nodes.',
  ),
  field('Quorate-Coordinator', TEXT, 'The node that ran the request.'),
  field(
    'Quorate-Consistency',
    choiceOf([...LEVELS, 'custom']),
    'The level that the answer keeps; `custom` if `r`, `w` or `sloppy` asked for less.',
  ),
]
export const SESSION = field(
  'Quorate-Session',
  TOKEN,
  'At level causal: send it back with the next request.',
)
/** On the answers to some requests about a key. */
export const OPTIONAL_HEADERS = [
  SESSION,
  field('Quorate-Trace', TEXT, 'With `trace`: which node answered what, as JSON.'),
]

export const CONTEXT = field(
  'Quorate-Context',
  TOKEN,
  'What this answer has seen of the key: send it back with the write that replaces it. Not for strong keys.',
)
export const SIBLING_COUNT = field(
  'Quorate-Siblings',
  COUNT,
  'How many values the key has. Not for counters and sets.',
)
export const STALE = field(
  'Quorate-Stale',
  choiceOf(['possible']),
  'A strong key was read at a weaker level.',
)
export const EXISTED = field(
  'Quorate-Existed',
  choiceOf(['true', 'false']),
  'Whether there was a value.',
)
export const ETAG = field('ETag', ENTITY_TAG, 'Names the present values of the key.')
export const LAST_MODIFIED = field('Last-Modified', TEXT, 'When the newest value was written.')
export const NO_SNIFF = field(
  'X-Content-Type-Options',
  choiceOf(['nosniff']),
  'A browser does not guess the type.',
)
export const SANDBOX = field(
  'Content-Security-Policy',
  choiceOf(['sandbox']),
  'A browser runs no script of a value.',
)
