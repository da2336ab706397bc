/**
 * Asks one node after the other for a backup, until one begins to send it. A node that is silent ends the waiting, too.
 */
import { type ErrorCode, type Fetch, type Problem, RejectedError } from '../../client/quorate.ts'
import { SYSTEM_PORTS } from '../../client/request/ports.ts'
import { SILENCE, Wait } from '../../client/request/wait.ts'
import { durationText } from '../../command-line/duration.ts'
import { bearer } from '../../command-line/token.ts'
import { BackupRefused } from '../../restore/verify-backup.ts'

export interface BackupQuery {
  readonly bucket?: string
  readonly at?: string
  readonly covers: string
}

/** How long all the asking may take, and then each piece of the backup. */
export interface Patience {
  /** The token of the requests, if there is one. */
  readonly token: string | undefined
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly fetch: Fetch
}

/** The longest timeout that a node takes. */
const NODE_TIMEOUT_MS_MAX = 60_000
/** The part of the time left that a node gets, so that its answer still arrives. */
const NODE_SHARE = 0.9

const { clock } = SYSTEM_PORTS

/**
 * Resolves once a node sends. Rejects with a RejectedError if none does. The pieces reject if the connection breaks or
 * falls silent: the backup is then incomplete, and has to be made again from its beginning.
 */
export async function downloadBackup(
  endpoints: readonly string[],
  query: BackupQuery,
  patience: Patience,
): Promise<AsyncIterable<Uint8Array>> {
  const deadlineMs = clock.nowMs() + patience.timeoutMs
  let failure: RejectedError | undefined
  for (let mayWaitOn = true; mayWaitOn;) {
    mayWaitOn = false
    for (const [i, endpoint] of endpoints.entries()) {
      const beganMs = clock.nowMs()
      const leftMs = deadlineMs - beganMs
      if (leftMs <= 0) break
      const probeMs = leftMs / (endpoints.length - i)
      const silent = await probe(endpoint, { ...patience, timeoutMs: probeMs })
      const asked = silent ?? (await ask(endpoint, query, deadlineMs, patience))
      if (!(asked instanceof RejectedError)) return asked
      // An answer says more than silence.
      if (failure === undefined || asked.problem !== undefined) failure = asked
      // The node has waited as long as a node may.
      mayWaitOn ||= asked.retryable && clock.nowMs() - beganMs >= NODE_TIMEOUT_MS_MAX * NODE_SHARE
    }
  }
  throw failure as RejectedError
}

/** A node may wait long before it answers, so a probe tells first whether it is silent. Undefined if it is not. */
async function probe(endpoint: string, patience: Patience): Promise<RejectedError | undefined> {
  const asked = await request(`${endpoint}/livez`, patience)
  if (asked instanceof RejectedError) return asked
  await asked.body?.cancel()
  return undefined
}

async function ask(
  endpoint: string,
  query: BackupQuery,
  deadlineMs: number,
  patience: Patience,
): Promise<AsyncIterable<Uint8Array> | RejectedError> {
  const leftMs = Math.max(1, deadlineMs - clock.nowMs())
  const nodeMs = Math.max(1, Math.min(NODE_TIMEOUT_MS_MAX, Math.floor(leftMs * NODE_SHARE)))
  const parameters = new URLSearchParams({ ...query, timeout: String(nodeMs) })
  const url = `${endpoint}/v1/backup?${parameters}`
  const response = await request(url, { ...patience, timeoutMs: leftMs })
  if (response instanceof RejectedError) return response
  if (response.status === 200 && response.body !== null) {
    return piecesOf(response.body, patience)
  }
  const problem = problemIn(await response.text().catch(() => ''))
  if (problem === undefined)
    return rejected('internal', `status ${response.status}`, false, undefined)
  return rejected(problem.code, problem.detail, problem.retryable, problem)
}

/** Resolves with the beginning of an answer. Rejects only with the reason of the signal. */
async function request(
  url: string,
  { token, timeoutMs, signal, fetch }: Patience,
): Promise<Response | RejectedError> {
  const headers = bearer(token)
  const wait = new Wait(clock, [signal], timeoutMs)
  try {
    const options = { method: 'GET', redirect: 'error', cache: 'no-store' } as const
    const init = { ...options, headers: new Headers(headers), signal: wait.signal }
    return await wait.until(fetch(url, init))
  } catch (error) {
    if (signal.aborted) throw error
    if (wait.signal.reason === SILENCE) {
      const detail = `${url}: no answer after ${Math.round(timeoutMs)} ms`
      return rejected('deadline_passed', detail, true, undefined)
    }
    return rejected('unreachable', `${url}: ${causeOf(error)}`, true, undefined)
  }
}

async function* piecesOf(
  body: ReadableStream<Uint8Array>,
  { timeoutMs, signal }: Patience,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader()
  try {
    for (;;) {
      const wait = new Wait(clock, [signal], timeoutMs)
      const { done, value } = await wait.until(reader.read())
      if (done) return
      yield value
    }
  } catch (error) {
    if (error !== SILENCE) throw error
    throw new BackupRefused(`the node has sent nothing for ${durationText(timeoutMs)}`)
  } finally {
    // Ends the connection. A stream that has failed already rejects with its failure, which has been told.
    await reader.cancel().catch(() => undefined)
  }
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
