/** `GET /readyz?verbose`: whether a node serves requests, and which of its checks failed. */
import { parseJson } from '../../client/request/answer.ts'
import type { Sender } from '../../client/request/sender.ts'
import { RequestError } from '../../client/quorate.ts'

export interface ReadyCheck {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

/** The checks that failed. Rejects with a RequestError if the node does not answer. */
export async function failedChecks(
  sender: Sender,
  signal: AbortSignal,
): Promise<readonly ReadyCheck[]> {
  const { checks } = await ask(sender, signal)
  return checks.filter(({ ok }) => !ok)
}

async function ask(
  sender: Sender,
  signal: AbortSignal,
): Promise<{ readonly checks: readonly ReadyCheck[] }> {
  try {
    const { body } = await sender.send(
      {
        method: 'GET',
        path: '/readyz',
        query: { verbose: 'true' },
        headers: {},
        takesTimeout: false,
        statuses: [200],
      },
      sender.budget({ signal }),
    )
    return parseJson(body) as { checks: readonly ReadyCheck[] }
  } catch (error) {
    // A node that is not ready says why in its problem document.
    if (error instanceof RequestError && error.problem !== undefined && 'checks' in error.problem) {
      return error.problem as unknown as { checks: readonly ReadyCheck[] }
    }
    throw error
  }
}
