/**
 * Follows the events of a node over `fetch`, which can send a token. If the stream ends, falls silent or is refused, it
 * says so and tries again, until it is stopped.
 */
import { EventParser, type ParsedEvent } from './event-parser.ts'

export interface StreamWays {
  /** Asks for the stream, as `fetch` does. */
  open(signal: AbortSignal): Promise<Response>
  /** Runs the task after that time, unless the returned function is called before. */
  after(ms: number, task: () => void): () => void
}

export interface StreamListener {
  event(event: ParsedEvent): void
  /** The node answered with that status in place of a stream. `why` is a sentence. */
  refused(status: number, why: string): void
  /** The stream has ended, or nothing was heard for a while. */
  ended(): void
}

const RETRY_MS = 1000
/** Somebody must enter another token first, or the node must hear of it. Each try is a line in its audit log. */
const NOT_LET_IN_RETRY_MS = 15_000
/** A node tells its status every 5 s, even if nothing changes. A frozen node keeps its connections open. */
export const SILENT_MS_MAX = 8000

/** Whether the answer says that the page needs a token, or another one. */
export function isNotLetIn(status: number): boolean {
  return status === 401 || status === 403
}

/** Returns a function that stops it. */
export function followEvents(ways: StreamWays, listener: StreamListener): () => void {
  let isStopped = false
  let abort = new AbortController()
  let cancelRetry = (): void => undefined
  const follow = async (): Promise<void> => {
    abort = new AbortController()
    let waitMs = RETRY_MS
    try {
      const status = await readStream(ways, listener, abort)
      if (isNotLetIn(status)) waitMs = NOT_LET_IN_RETRY_MS
    } catch {
      // The network tells a page no reasons.
      if (!isStopped) listener.ended()
    }
    if (!isStopped) cancelRetry = ways.after(waitMs, () => void follow())
  }
  void follow()
  return () => {
    isStopped = true
    cancelRetry()
    abort.abort()
  }
}

/** Resolves with the status of the answer. Rejects when the stream breaks or falls silent. */
async function readStream(
  ways: StreamWays,
  listener: StreamListener,
  abort: AbortController,
): Promise<number> {
  const { signal } = abort
  let endWait = (): void => undefined
  const waitAgain = (): void => {
    endWait()
    endWait = ways.after(SILENT_MS_MAX, () => abort.abort())
  }
  waitAgain()
  try {
    const response = await ways.open(signal)
    const { status, body } = response
    if (!response.ok || body === null) {
      const why = await sentenceIn(response)
      if (!signal.aborted) listener.refused(status, why)
      return status
    }
    const parser = new EventParser()
    const reader = body.getReader()
    for (;;) {
      const { value, done } = await reader.read()
      if (signal.aborted) throw new Error('the stream was given up')
      if (done) throw new Error('the stream has ended')
      waitAgain()
      for (const event of parser.take(value)) listener.event(event)
    }
  } finally {
    endWait()
  }
}

/** Why the node refuses, as its problem document says it. */
export async function sentenceIn(response: Response): Promise<string> {
  const problem = (await response.json().catch(() => undefined)) as
    | { readonly detail?: unknown; readonly title?: unknown }
    | undefined
  const told = problem?.detail ?? problem?.title
  return typeof told === 'string' ? told : `it answered with status ${response.status}`
}
