/**
 * Reads and writes the headers `traceparent` and `tracestate` (W3C Trace Context, levels 1 and 2). A client sends them
 * to say to which trace its request belongs.
 *
 * A header that breaks the rules counts as absent: a request is never refused because of its trace.
 */
export interface TraceContext {
  /** 32 hexadecimal digits in lower case, not all zero. */
  readonly traceId: string
  /** The span from which the request comes: 16 such digits, not all zero. */
  readonly spanId: string
  readonly flags: number
}

/** The sender records its part of the trace. */
export const SAMPLED_FLAG = 1
/** The last 7 bytes of the trace id are random (level 2). */
export const RANDOM_FLAG = 2
/** The flags that version 00 knows. A sender must not pass on others. */
const KNOWN_FLAGS = SAMPLED_FLAG | RANDOM_FLAG

/** Bound of the text of `tracestate` that is passed on. Receivers must accept at least as much. */
export const TRACESTATE_CHARACTERS_MAX = 512
const TRACESTATE_MEMBERS_MAX = 32
/** No well-formed text is longer, apart from needless blanks: a key and a value of 256 characters each, '=' and ','. */
const SENT_TRACESTATE_CHARACTERS_MAX = TRACESTATE_MEMBERS_MAX * 514
/** Longer members are the first to be left out where there is no room for all. */
const LONG_MEMBER_CHARACTERS = 128

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const ALL_ZERO = /^0+$/
/** `key=value`. */
const MEMBER =
  /^[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

/** Undefined for a text that is no `traceparent`. A version after 00 may add fields at the end, which are ignored. */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  const match = text === undefined ? null : TRACEPARENT.exec(text)
  if (match === null) return undefined
  const [, version, traceId, spanId, flags, more] = match as unknown as string[]
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (ALL_ZERO.test(traceId as string) || ALL_ZERO.test(spanId as string)) return undefined
  return {
    traceId: traceId as string,
    spanId: spanId as string,
    flags: Number.parseInt(flags as string, 16) & KNOWN_FLAGS,
  }
}

/** In version 00. */
export function traceparentOf({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`
}

/** The trace id in a header; undefined for anything that is no `traceparent`. */
export function traceIdIn(header: unknown): string | undefined {
  return typeof header === 'string' ? parseTraceparent(header)?.traceId : undefined
}

export function isSampled({ flags }: TraceContext): boolean {
  return (flags & SAMPLED_FLAG) !== 0
}

/**
 * The part of a `tracestate` that is passed on: whole members, in their order. '' if there is none, or one of them breaks
 * the rules.
 */
export function boundedTracestate(text: string | undefined): string {
  if (text === undefined || text.length > SENT_TRACESTATE_CHARACTERS_MAX) return ''
  const members = text
    .split(',')
    .map(withoutBlanks)
    .filter((member) => member !== '')
  if (members.length > TRACESTATE_MEMBERS_MAX || !members.every((one) => MEMBER.test(one)))
    return ''
  const whole = members.join(',')
  if (whole.length <= TRACESTATE_CHARACTERS_MAX) return whole
  const short = members.filter(({ length }) => length <= LONG_MEMBER_CHARACTERS)
  while (short.join(',').length > TRACESTATE_CHARACTERS_MAX) short.pop()
  return short.join(',')
}

/** Without blanks at both ends. A regular expression would take quadratic time for many blanks. */
function withoutBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start++
  while (start < end && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}
