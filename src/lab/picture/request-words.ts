/** Requests of clients in words: what was asked, what was answered, and the problem document of a failure. */
import { type ErrorCode, ERRORS } from '../../core/errors.ts'
import type { RequestView } from '../../simulation/interactive/timed-clients.ts'

/** The letter of a client: A for client 1. */
export function clientName(client: number): string {
  return client >= 1 && client <= 26 ? String.fromCharCode(64 + client) : `client ${client}`
}

/** For example `A puts "apple" at n1, level quorum`. */
export function askedWords({ action }: RequestView): string {
  const where = `at ${action.node}, level ${action.level}`
  const who = clientName(action.client)
  if (action.do === 'get') return `${who} gets ${action.key} ${where}`
  const deed =
    action.do === 'put' ? `puts ${JSON.stringify(action.value)}` : `deletes ${action.key}`
  return `${who} ${deed} ${where}${action.ifUnchanged === true ? ', only if unchanged' : ''}`
}

export function answeredWords({ state, values, error }: RequestView): string {
  switch (state) {
    case 'waiting':
      return 'waits for the answer before'
    case 'under way':
      return 'under way'
    case 'ok':
      return values === null ? 'acknowledged' : foundWords(values)
    case 'rejected':
      return `rejected, nothing was applied: ${sentenceOf(error)}`
    case 'unknown':
      return `outcome unknown: ${sentenceOf(error)}`
    default:
      return state satisfies never
  }
}

/** One character that tells the state without colour. */
export const STATE_MARKS: Readonly<Record<RequestView['state'], string>> = {
  waiting: '…',
  'under way': '…',
  ok: '✓',
  rejected: '✕',
  unknown: '?',
}

/** The body that a node answers to this request over HTTP. Null if it succeeded, or if no node answered. */
export function problemOf({
  state,
  error,
  replicas,
}: RequestView): Readonly<Record<string, unknown>> | null {
  const code = codeOf(error)
  if (state === 'ok' || code === undefined) return null
  const { status, title, outcome, retryable } = ERRORS[code]
  return { title, status, detail: sentenceOf(error), code, outcome, retryable, replicas }
}

function foundWords(values: readonly string[]): string {
  const [first] = values
  if (first === undefined) return 'found no value'
  if (values.length === 1) return `found ${JSON.stringify(first)}`
  return `found ${values.length} siblings: ${values.map((value) => JSON.stringify(value)).join(', ')}`
}

/** An error of a node is its code, a colon and a sentence. */
function codeOf(error: string | null): ErrorCode | undefined {
  const code = error?.split(': ', 1)[0] ?? ''
  return Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : undefined
}

function sentenceOf(error: string | null): string {
  const code = codeOf(error)
  return code === undefined ? (error ?? '') : (error ?? '').slice(code.length + 2)
}
