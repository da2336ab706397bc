/** Asks a node whom it reaches. */
import { bearer } from '../command-line/token.ts'

const ASK_TIMEOUT_MS = 2000

/** For each peer, whether the node reports it as reachable. Undefined if the node does not answer in time, or wants a
 * token.
 */
export async function viewOf(
  id: string,
  clientUrl: string,
  token?: string,
): Promise<Readonly<Record<string, boolean>> | undefined> {
  try {
    const response = await fetch(`${clientUrl}/v1/cluster`, {
      headers: bearer(token),
      signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
    })
    const { reachability } = (await response.json()) as {
      reachability: Record<string, Record<string, string>>
    }
    const row = Object.entries(reachability[id] ?? {})
    return Object.fromEntries(row.map(([peer, state]) => [peer, state !== 'down']))
  } catch {
    return undefined
  }
}
