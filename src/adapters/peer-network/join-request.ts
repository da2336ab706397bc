/**
 * Asks the members of a running cluster to admit this node. Members refuse links of a non-member, so the request is one
 * HTTP request to the peer port. The answer is the topology document that makes this node a member.
 *
 * It asks one seed after the other, again and again, until one admits it. A lost answer does no harm, because a member
 * that asks again gets the present document.
 *
 * Invariant: a refusal by one seed is not final, because that seed may belong to another cluster, or may be wrong. A
 * refusal is final only if every seed that answered refused.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'undici'
import type { Member, Topology } from '../../core/placement/topology.ts'
import type { Log } from '../../ports/log.ts'
import type { VersionRange } from '../../ports/network.ts'
import { JOIN_PATH, PROTOCOL, versionsText } from './handshake.ts'
import { createPeerLookup } from './peer-lookup.ts'
import { connectorOf, type PeerTls } from './peer-tls.ts'

/** Every seed that answered refuses for good, so asking again is useless. */
export class NotAdmittedError extends Error {}

export interface JoinOptions {
  readonly self: Member
  /** The member whose place this node takes. */
  readonly replaces: string | undefined
  /** The versions of the protocol that this node speaks. */
  readonly versions: VersionRange
  /** Addresses of the peer ports of members. */
  readonly seeds: readonly string[]
  readonly log: Log
  /** Undefined if this node has no TLS for peers. */
  readonly tls?: PeerTls | undefined
  /** Aborts the attempt to join. */
  readonly stop: AbortSignal | undefined
}

/** Above the largest topology document. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024
const REASON_CHARACTERS_MAX = 1000
const CONNECT_TIMEOUT_MS = 2000
/** Longer than a member waits for the cluster to decide the change. */
const ATTEMPT_TIMEOUT_MS = 10_000
/** The pause after each round over all seeds. */
const PAUSE_MS = 1000
/** How many different failures are logged. */
const TROUBLES_MAX = 20

type Outcome =
  | { readonly type: 'joined'; readonly document: string }
  /**
   * `later`: ask again. `refused`: this seed will not change its answer. `unreachable`: it gave no answer. Failures
   * with the same `trouble` are logged once.
   */
  | {
      readonly type: 'later' | 'refused' | 'unreachable'
      readonly trouble: string
      readonly reason: string
    }

/** Resolves with the document. Rejects with `NotAdmittedError`, or once `stop` was aborted. */
export async function askToJoin(options: JoinOptions): Promise<string> {
  const { seeds, stop, log, tls } = options
  const lookup = createPeerLookup()
  const told = new Set<string>()
  // While TLS is not required, every other round goes without it.
  for (let isPlain = false; ; isPlain = tls?.isRequired !== true && !isPlain) {
    const refusals = new Set<string>()
    let mayBeAdmitted = false
    for (const seed of seeds) {
      stop?.throwIfAborted()
      const connect = connectorOf({
        lookup,
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        handshakeTimeoutMs: CONNECT_TIMEOUT_MS,
        tls: isPlain ? undefined : tls,
        // The address of a seed does not tell which node is there.
        node: undefined,
      })
      const client = new Client(seed, { connect, maxResponseSize: ANSWER_BYTES_MAX })
      try {
        const outcome = await ask(client, seed, options)
        if (outcome.type === 'joined') return outcome.document
        const { type, trouble, reason } = outcome
        if (type === 'refused') refusals.add(`${seed} does not let it join: ${reason}`)
        if (type === 'later') mayBeAdmitted = true
        if (told.has(trouble) || told.size >= TROUBLES_MAX) continue
        told.add(trouble)
        log.warn({ seed, reason }, 'not admitted to the cluster yet: asking again')
      } finally {
        void client.destroy()
      }
    }
    if (refusals.size > 0 && !mayBeAdmitted) throw new NotAdmittedError([...refusals].join('; '))
    // Half of the pause is random, so that several joining nodes do not ask in step.
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
  // Another change is under way. Its progress differs each time, so log it once under one name.
  if (status === 409) return { type: 'later', trouble: 'another change', reason }
  // The member runs a version that does not know joins yet. It will be upgraded.
  const isOld = status === 404
  const isLater = status >= 500 || status === 429 || isOld
  return { type: isLater ? 'later' : 'refused', trouble: `${seed} ${reason}`, reason }
}

/** The change may have been undone before the answer. Then this node is no member, and asks again. */
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
