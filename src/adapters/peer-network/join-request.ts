/**
 * Asks the members of a running cluster to let this node in. A node that is not a member is refused every link, so this
 * is one HTTP request to the peer port. The answer is the topology document that makes this node a member.
 *
 * It asks one seed after the other, again and again, until one lets it in. An answer that was lost does no harm, because
 * a member that asks again gets the present document.
 *
 * Invariant: one seed that refuses is not the end, because that seed may be of another cluster, or may be wrong. Only a
 * refusal by every seed that can be reached is final.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'undici'
import type { Member, Topology } from '../../core/placement/topology.ts'
import type { Log } from '../../ports/log.ts'
import type { VersionRange } from '../../ports/network.ts'
import { JOIN_PATH, PROTOCOL, versionsText } from './handshake.ts'
import { createPeerLookup } from './peer-lookup.ts'

/** Every seed that can be reached refuses for good: to ask again is of no use. */
export class NotAdmittedError extends Error {}

export interface JoinOptions {
  readonly self: Member
  /** The member whose place this node takes. */
  readonly replaces: string | undefined
  /** Of the protocol, that this node speaks. */
  readonly versions: VersionRange
  /** Peer ports of members. */
  readonly seeds: readonly string[]
  readonly log: Log
  /** Gives it up. */
  readonly stop: AbortSignal | undefined
}

/** Above the largest topology document. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024
const REASON_CHARACTERS_MAX = 1000
const CONNECT_TIMEOUT_MS = 2000
/** Longer than a member takes to have the change decided. */
const ATTEMPT_TIMEOUT_MS = 10_000
/** From the end of one round over all seeds to the next. */
const PAUSE_MS = 1000
/** Different troubles that are told. */
const TROUBLES_MAX = 20

type Outcome =
  | { readonly type: 'joined'; readonly document: string }
  /**
   * `later`: ask again. `refused`: this seed will not change its mind. `unreachable`: it gave no answer. `trouble` is the
   * same for what needs to be told once only.
   */
  | {
      readonly type: 'later' | 'refused' | 'unreachable'
      readonly trouble: string
      readonly reason: string
    }

/** Resolves with the document. Rejects with `NotAdmittedError`, or once `stop` was aborted. */
export async function askToJoin(options: JoinOptions): Promise<string> {
  const { seeds, stop, log } = options
  const lookup = createPeerLookup()
  const told = new Set<string>()
  for (;;) {
    const refusals = new Set<string>()
    let mayBeAdmitted = false
    for (const seed of seeds) {
      stop?.throwIfAborted()
      const client = new Client(seed, {
        connect: { timeout: CONNECT_TIMEOUT_MS, lookup },
        maxResponseSize: ANSWER_BYTES_MAX,
      })
      try {
        const outcome = await ask(client, seed, options)
        if (outcome.type === 'joined') return outcome.document
        const { type, trouble, reason } = outcome
        if (type === 'refused') refusals.add(`${seed} does not let it join: ${reason}`)
        if (type === 'later') mayBeAdmitted = true
        if (told.has(trouble) || told.size >= TROUBLES_MAX) continue
        told.add(trouble)
        log.warn({ seed, reason }, 'not let into the cluster yet: asking again')
      } finally {
        void client.destroy()
      }
    }
    if (refusals.size > 0 && !mayBeAdmitted) throw new NotAdmittedError([...refusals].join('; '))
    // Half of it by chance, so that several that join do not ask in step.
    await delay(PAUSE_MS * (0.5 + Math.random() / 2), undefined, stop && { signal: stop })
  }
}

async function ask(client: Client, seed: string, options: JoinOptions): Promise<Outcome> {
  const { self, replaces, versions, stop } = options
  const late = AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)
  const signal = stop === undefined ? late : AbortSignal.any([late, stop])
  let status: number
  let text: string
  try {
    const answer = await client.request({
      method: 'POST',
      path: JOIN_PATH,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...self,
        replaces,
        protocol: PROTOCOL,
        versions: versionsText(versions),
      }),
      signal,
    })
    status = answer.statusCode
    text = await answer.body.text()
  } catch (error) {
    stop?.throwIfAborted()
    const reason = late.aborted ? 'no answer' : (error as Error).message
    return { type: 'unreachable', trouble: `${seed} ${reason}`, reason }
  }
  if (status === 200) return admitted(text, seed, self.id)
  const reason = text.trim().slice(0, REASON_CHARACTERS_MAX)
  // What the other change waits for is another thing each time, and no news.
  if (status === 409) return { type: 'later', trouble: 'another change', reason }
  // A member of before nodes could join: it is upgraded sooner or later.
  const isOld = status === 404
  const isLater = status >= 500 || status === 429 || isOld
  return { type: isLater ? 'later' : 'refused', trouble: `${seed} ${reason}`, reason }
}

/** A change may be undone by the time of the answer: then this node is no member, and asks again. */
function admitted(text: string, seed: string, id: string): Outcome {
  const wrong = (reason: string): Outcome => ({
    type: 'later',
    trouble: `${seed} ${reason}`,
    reason,
  })
  try {
    const { document } = JSON.parse(text) as { document: string }
    const { members } = JSON.parse(document) as Topology
    const isMember = members.some((member) => member.id === id)
    return isMember ? { type: 'joined', document } : wrong(`answers without ${id} as a member`)
  } catch {
    return wrong('answers with something that is no topology')
  }
}
