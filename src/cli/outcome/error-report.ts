/** How a failed request is told: what happened, its code and outcome, and what the user can do. */
import { type RequestError, UnknownOutcomeError } from '../../client/quorate.ts'
import { visible } from '../../terminal/terminal-text.ts'
import { exitCodeOf } from './exit-code.ts'

/** The promised form of an error with `--json` (README.md). */
export interface JsonError {
  readonly error: {
    readonly code: string
    readonly outcome: 'rejected' | 'unknown'
    readonly message: string
    readonly advice: string
    readonly exitCode: number
    /** Each endpoint that was asked in vain. */
    readonly attempts: readonly {
      readonly endpoint: string
      readonly status: number | null
      readonly code: string
      readonly ms: number
    }[]
    /** What each owner of the key answered, if a node says so. */
    readonly replicas: readonly object[]
    readonly requestId: string | null
  }
}

const CALL = 'npx quorate'

/** By code: what the user can do. Details of a node often say it already, so many codes need no entry. */
const ADVICE: Readonly<Record<string, string>> = {
  unauthenticated: 'Name the file of a valid token with --token-file, or set QUORATE_TOKEN.',
  forbidden: `Use a token with that right. ${CALL} token list shows the tokens.`,
  unreachable: `Start a node (npm start), or name one that runs: --endpoints URL,URL or QUORATE_ENDPOINTS. ${CALL} doctor looks for the reason.`,
  quorum_unreachable: `Try again once more owners are in reach, or use a level that needs fewer of them, such as --consistency eventual. ${CALL} status shows who reaches whom.`,
  session_past_unreachable: `Try again once more nodes are in reach. ${CALL} status shows who reaches whom.`,
  overloaded: 'Try again in a moment.',
  rate_limited: 'Send fewer requests a second, or ask for a token that may send more.',
  storage_full: 'Free disk space on the node, or use another node.',
  storage_failed: 'Check the disk of the node, or use another node.',
  not_ready: `Try again in a moment, or use another node. ${CALL} doctor says what the node waits for.`,
  not_a_member: 'Use an endpoint of a member of the cluster.',
  clock_drift: `${CALL} doctor shows whose clock is wrong.`,
  deadline_passed: 'Try again, or allow more time with --timeout.',
  precondition_failed: 'Read the key again, and decide anew.',
  change_under_way: `${CALL} moves shows its progress.`,
  too_many_siblings: `${CALL} siblings lists them, and ${CALL} resolve replaces all of them with one value.`,
}

/** How an unknown outcome is told. */
export interface UnknownOutcome {
  readonly meaning: string
  readonly advice: string
}

const UNKNOWN_WRITE: UnknownOutcome = {
  meaning: 'the write may or may not have been applied',
  advice: 'Read the key to find out. If you repeat the write, it may take effect twice.',
}

const MEMBERS_ADVICE = `Try again once more members are in reach. ${CALL} status shows who reaches whom.`

export function adviceFor(error: RequestError, unknown = UNKNOWN_WRITE): string {
  if (error instanceof UnknownOutcomeError) return unknown.advice
  const { code, problem } = error
  // Only requests for keys have a level.
  if (code === 'quorum_unreachable' && problem?.required === undefined) return MEMBERS_ADVICE
  return ADVICE[error.code] ?? (error.retryable ? 'Try again.' : '')
}

export function errorLines(
  command: string,
  error: RequestError,
  unknown = UNKNOWN_WRITE,
): string[] {
  const { code, problem, attempts } = error
  const advice = adviceFor(error, unknown)
  const replicas = problem?.replicas ?? []
  const tried = [
    ...new Set(attempts.map(({ endpoint, detail }) => `tried ${endpoint}: ${visible(detail)}`)),
  ]
  return [
    `${command}: ${visible(detailOf(error))}`,
    ...(replicas.length === 0
      ? []
      : [`answers: ${replicas.map(({ node, status }) => `${node} ${String(status)}`).join(', ')}`]),
    ...(tried.length > 1 ? tried : []),
    `code ${code}, outcome ${outcomeWords(error, unknown)}`,
    ...(advice === '' ? [] : [advice]),
  ]
}

export function errorJson(error: RequestError, unknown = UNKNOWN_WRITE): JsonError {
  const { code, outcome, attempts, problem } = error
  return {
    error: {
      code,
      outcome,
      message: detailOf(error),
      advice: adviceFor(error, unknown),
      exitCode: exitCodeOf(error),
      attempts: attempts.map(({ endpoint, status, code: each, ms }) => ({
        endpoint,
        status: status ?? null,
        code: each,
        ms: Math.round(ms),
      })),
      replicas: problem?.replicas ?? [],
      requestId: problem?.requestId ?? null,
    },
  }
}

/** The sentence of the node, if one answered. */
export function detailOf({ problem, attempts, message }: RequestError): string {
  if (problem !== undefined) return problem.detail
  const last = attempts.at(-1)
  if (last !== undefined) return `${last.endpoint}: ${last.detail}`
  return message.replace(/ \[[a-z_]+\]$/, '')
}

function outcomeWords(error: RequestError, { meaning }: UnknownOutcome): string {
  return error instanceof UnknownOutcomeError
    ? `unknown: ${meaning}`
    : 'rejected: nothing was applied'
}
