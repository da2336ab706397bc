/**
 * How two nodes identify each other before a connection carries frames. The request is an HTTP upgrade whose headers
 * name the sender, the receiver, the cluster and the protocol versions. The answer has the same headers. The link uses
 * the newest version that both speak.
 *
 * HTTP clients drop the body of a refused upgrade. So a refused node sends the same request without the upgrade, and
 * the answer is the reason.
 */
import type { IncomingHttpHeaders } from 'node:http'

import {
  type Credentials,
  REFUSAL_REASONS,
  type Refusal,
  type VersionRange,
} from '../../ports/network.ts'

export const PEER_PATH = '/v1/peer'
/** The path at which a node asks to become a member (join-request.ts). */
export const JOIN_PATH = '/v1/peer/join'
/** The version of the handshake, not of the frames. It stays at 1, because nodes of version 1 refuse any other name. */
export const PROTOCOL = 'quorate-peer/1'
const REFUSAL = 'quorate-refusal'
const EPOCH = 'quorate-epoch'
const LIFE = 'quorate-life'
/** Longer identities and reasons are cut in logs and messages. */
export const SHOWN_LENGTH_MAX = 200

export interface Introduction {
  readonly from: string
  readonly to: string
  readonly credentials: Credentials
  readonly versions: VersionRange
}

export function introductionHeaders(introduction: Introduction): Record<string, string> {
  const { to } = introduction
  return { ...answerHeaders(introduction), 'quorate-to': to, 'quorate-protocol': PROTOCOL }
}

/** The headers with which each end describes itself. */
export function answerHeaders(introduction: Omit<Introduction, 'to'>): Record<string, string> {
  const { from, credentials, versions } = introduction
  const { founding, clusterId, life, epoch } = credentials
  return {
    ...versionHeaders(versions),
    'quorate-from': from,
    'quorate-cluster': founding,
    ...(clusterId === undefined ? {} : { 'quorate-cluster-id': clusterId }),
    ...(life === undefined ? {} : { [LIFE]: String(life) }),
    ...(epoch === undefined ? {} : { [EPOCH]: String(epoch) }),
  }
}

export function credentialsIn(headers: IncomingHttpHeaders): Credentials {
  return {
    founding: headerOf(headers, 'quorate-cluster'),
    clusterId: shown(headerOf(headers, 'quorate-cluster-id')) || undefined,
    life: numberIn(headers, LIFE),
    epoch: numberIn(headers, EPOCH),
  }
}

/** Why the sender is refused; undefined if it is accepted. */
export function refusalOf(
  headers: IncomingHttpHeaders,
  path: string | undefined,
  self: Pick<Introduction, 'from' | 'versions'>,
  judge: (from: string, theirs: Credentials) => Refusal | undefined,
  isPeer: (id: string) => boolean,
): Refusal | undefined {
  const protocol = headers.upgrade ?? headerOf(headers, 'quorate-protocol')
  if (path !== PEER_PATH || protocol !== PROTOCOL) {
    const theirs = shown(protocol) || 'HTTP'
    return {
      reason: 'protocol',
      message: `this is a peer port of ${PROTOCOL}, not of ${theirs}`,
    }
  }
  const from = headerOf(headers, 'quorate-from')
  const to = headerOf(headers, 'quorate-to')
  const judged = judge(from, credentialsIn(headers))
  if (judged !== undefined) return judged
  if (to !== self.from) {
    return { reason: 'wrong_node', message: `this is ${self.from}, not ${shown(to)}` }
  }
  if (!isPeer(from)) return { reason: 'not_a_member', message: `${shown(from)} is not a member` }
  const theirs = versionsIn(headers)
  if (commonVersion(self.versions, theirs) !== undefined) return undefined
  return { reason: 'version', message: noneInCommon(self, { from, versions: theirs }) }
}

/** The headers of a refusal; its message is the body. Nodes of older versions neither send nor read these headers. */
export function refusalHeaders({ reason, epoch }: Refusal): Record<string, string> {
  return { [REFUSAL]: reason, ...(epoch === undefined ? {} : { [EPOCH]: String(epoch) }) }
}

/**
 * A whole HTTP answer. HTTP clients drop the body of a refused upgrade, so a refused peer asks once more without the
 * upgrade (PEER_PATH).
 */
export function refusalAnswer(refusal: Refusal | undefined): string {
  const reason = refusal === undefined ? {} : refusalHeaders(refusal)
  const headers = { connection: 'close', 'content-type': 'text/plain', ...reason }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 403 Forbidden\r\n${lines.join('')}\r\n${refusal?.message ?? ''}\n`
}

/** The refusal by the other end; undefined if its reason is absent or unknown here. */
export function refusalIn(headers: IncomingHttpHeaders, message: string): Refusal | undefined {
  const named = headerOf(headers, REFUSAL)
  const reason = REFUSAL_REASONS.find((known) => known === named)
  if (reason === undefined) return undefined
  const epoch = numberIn(headers, EPOCH)
  return { reason, message, ...(epoch === undefined ? {} : { epoch }) }
}

/** A handshake that one of its ends refused. */
export class RefusedError extends Error {
  readonly refusal: Refusal
  readonly by: 'self' | 'peer'

  constructor(by: 'self' | 'peer', refusal: Refusal) {
    super(by === 'peer' ? `refused: ${refusal.message}` : refusal.message)
    this.by = by
    this.refusal = refusal
  }
}

/** Nodes of version 1 send no header with versions. */
const FIRST: VersionRange = { oldest: 1, newest: 1 }

export function versionHeaders(versions: VersionRange): Record<string, string> {
  return versions.newest === FIRST.newest ? {} : { 'quorate-versions': versionsText(versions) }
}

export function versionsIn(headers: IncomingHttpHeaders): VersionRange {
  const text = headerOf(headers, 'quorate-versions')
  return text === '' ? FIRST : parseVersions(text)
}

export function versionsText({ oldest, newest }: VersionRange): string {
  return `${oldest}-${newest}`
}

/** A text that is not a range gives a range of NaN, which has no version in common with any other range. */
export function parseVersions(text: string): VersionRange {
  const [, oldest, newest] = /^([0-9]{1,4})-([0-9]{1,4})$/.exec(text) ?? []
  return { oldest: Number(oldest), newest: Number(newest) }
}

/** The newest version that both speak. */
export function commonVersion(ours: VersionRange, theirs: VersionRange): number | undefined {
  const newest = Math.min(ours.newest, theirs.newest)
  return newest >= ours.oldest && newest >= theirs.oldest ? newest : undefined
}

type Speaker = Pick<Introduction, 'from' | 'versions'>

export function noneInCommon(self: Speaker, other: Speaker): string {
  const speaks = ({ from, versions }: Speaker): string =>
    `${shown(from)} speaks versions ${versionsText(versions)} of the protocol between nodes`
  return `${speaks(self)}, ${speaks(other)}: they have none in common`
}

function numberIn(headers: IncomingHttpHeaders, name: string): number | undefined {
  const text = headerOf(headers, name)
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined
}

export function headerOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}

export function shown(text: string): string {
  return text.slice(0, SHOWN_LENGTH_MAX)
}
