/** Asks one node after the other for a backup, until one begins to send it. */
import { type ErrorCode, type Problem, RejectedError } from '../../client/quorate.ts'

export interface BackupQuery {
  readonly bucket?: string
  readonly at?: string
  readonly covers: string
  readonly timeout: string
}

/**
 * Resolves once a node sends. Rejects with a RejectedError if none does. The pieces reject if the connection breaks: the
 * backup is then incomplete, and has to be made again from its beginning.
 */
export async function downloadBackup(
  endpoints: readonly string[],
  query: BackupQuery,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  let failure: RejectedError | undefined
  for (const endpoint of endpoints) {
    const asked = await ask(`${endpoint}/v1/backup?${new URLSearchParams({ ...query })}`, signal)
    if (!(asked instanceof RejectedError)) return asked
    // An answer says more than silence.
    if (failure === undefined || asked.problem !== undefined) failure = asked
  }
  throw failure as RejectedError
}

async function ask(
  url: string,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array> | RejectedError> {
  let response: Response
  try {
    response = await fetch(url, { signal, redirect: 'error' })
  } catch (error) {
    if (signal.aborted) throw error
    return rejected('unreachable', `${url}: ${causeOf(error)}`, true, undefined)
  }
  if (response.status === 200 && response.body !== null) return response.body
  const problem = problemIn(await response.text().catch(() => ''))
  if (problem === undefined)
    return rejected('internal', `status ${response.status}`, false, undefined)
  return rejected(problem.code, problem.detail, problem.retryable, problem)
}

function rejected(
  code: ErrorCode,
  detail: string,
  retryable: boolean,
  problem: Problem | undefined,
): RejectedError {
  return new RejectedError({ code, detail, retryable, problem, attempts: [] })
}

function problemIn(text: string): Problem | undefined {
  try {
    const parsed = JSON.parse(text) as Partial<Problem> | null
    return typeof parsed?.code === 'string' && typeof parsed.detail === 'string'
      ? (parsed as Problem)
      : undefined
  } catch {
    return undefined
  }
}

/** `fetch failed` says nothing; its cause does. */
function causeOf(error: unknown): string {
  const { cause, message } = error as Error
  return cause instanceof Error ? cause.message : message
}
