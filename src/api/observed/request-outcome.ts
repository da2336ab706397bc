/** What became of a request, as far as the status of its answer tells. */
export type RequestOutcome = 'done' | 'rejected' | 'unknown'

/** Statuses whose outcome is unknown in the catalogue of errors. */
const UNKNOWN: readonly number[] = [500, 504]

/** `status`: null if the connection ended before the answer. */
export function outcomeOf(status: number | null): RequestOutcome {
  if (status === null || UNKNOWN.includes(status)) return 'unknown'
  return status < 400 ? 'done' : 'rejected'
}
