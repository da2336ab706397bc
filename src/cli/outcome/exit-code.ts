/** The exit codes of all commands, and which error ends with which. */
import { RejectedError, type RequestError, UnknownOutcomeError } from '../../client/quorate.ts'

export const EXIT = {
  ok: 0,
  error: 1,
  usage: 2,
  notFound: 3,
  siblings: 4,
  conditionFailed: 5,
  rejected: 6,
  unknown: 7,
  unreachable: 8,
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** As help shows them. The meaning of `usage` comes from there. */
export const EXIT_CODES: readonly (readonly [ExitCode, string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.error, 'the request is not possible, or the command failed'],
  [EXIT.notFound, 'the key or the bucket does not exist'],
  [EXIT.siblings, 'the key has siblings: choose one or merge them'],
  [EXIT.conditionFailed, 'the condition does not hold, so nothing was applied'],
  [EXIT.rejected, 'rejected: nothing was applied, and the same command may succeed later'],
  [EXIT.unknown, 'unknown: the write may or may not have been applied'],
  [EXIT.unreachable, 'no node could be reached'],
  [EXIT.interrupted, 'interrupted by Ctrl-C'],
]

/** Some of the codes, for the help of one command. */
export function exitCodes(...codes: readonly ExitCode[]): readonly (readonly [number, string])[] {
  return EXIT_CODES.filter(([code]) => codes.includes(code))
}

const WRONG_REQUEST = 400
const NOT_FOUND = 404

export function exitCodeOf(error: RequestError): ExitCode {
  if (error instanceof UnknownOutcomeError) return EXIT.unknown
  if (error.code === 'unreachable') return EXIT.unreachable
  if (error.code === 'precondition_failed') return EXIT.conditionFailed
  if (error.code === 'too_many_siblings') return EXIT.siblings
  if (error.problem?.status === NOT_FOUND) return EXIT.notFound
  if (error.problem?.status === WRONG_REQUEST) return EXIT.usage
  return error instanceof RejectedError && error.retryable ? EXIT.rejected : EXIT.error
}
