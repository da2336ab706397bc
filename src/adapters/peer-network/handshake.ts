/**
 * How two nodes make sure of each other before a connection carries frames: an HTTP upgrade whose headers
 * say who asks whom, of which cluster, in which versions of the protocol; the answer says the same, and the link
 * speaks the newest that both know. The same request without the upgrade is answered with the reason of a
 * refusal, because HTTP clients do not hand on the body of a refused upgrade.
 */
import type { IncomingHttpHeaders } from 'node:http'

import {
  type Credentials,
  REFUSAL_REASONS,
  type Refusal,
  type VersionRange,
} from '../../ports/network.ts'

export const PEER_PATH = '/v1/peer'
/** Where a node asks to become a member (join-request.ts). */
export const JOIN_PATH = '/v1/peer/join'
/** Of the handshake, not of the frames: nodes of version 1 refuse every other upgrade. */
export const PROTOCOL = 'quorate-peer/1'
const REFUSAL = 'quorate-refusal'
const EPOCH = 'quorate-epoch'
const LIFE = 'quorate-life'
/** Longer identities and reasons are cut where they are shown. */
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

/** What both ends say of themselves. */
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

/** Why the one who asks is refused; undefined where it is welcome. */
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

/** Beside the sentence, which is the body. Nodes of older versions send none, and read none. */
export function refusalHeaders({ reason, epoch }: Refusal): Record<string, string> {
  return { [REFUSAL]: reason, ...(epoch === undefined ? {} : { [EPOCH]: String(epoch) }) }
}

/** What the other end refused for; undefined where it names no reason known here. */
export function refusalIn(headers: IncomingHttpHeaders, message: string): Refusal | undefined {
  const named = headerOf(headers, REFUSAL)
  const reason = REFUSAL_REASONS.find((known) => known === named)
  if (reason === undefined) return undefined
  const epoch = numberIn(headers, EPOCH)
  return { reason, message, ...(epoch === undefined ? {} : { epoch }) }
}

/** A handshake that ended with a refusal, by either end. */
export class RefusedError extends Error {
  readonly refusal: Refusal
  readonly by: 'self' | 'peer'

  constructor(by: 'self' | 'peer', refusal: Refusal) {
    super(by === 'peer' ? `refused: ${refusal.message}` : refusal.message)
    this.by = by
    this.refusal = refusal
  }
}

/** What was there before the header is version 1, and sends none. */
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

/** What is no range has nothing in common with any. */
export function parseVersions(text: string): VersionRange {
  const [, oldest, newest] = /^([0-9]{1,4})-([0-9]{1,4})$/.exec(text) ?? []
  return { oldest: Number(oldest), newest: Number(newest) }
}

/** The newest that both speak. */
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
