/**
 * Answers nodes that ask to become members (join-request.ts). It refuses what needs no decision of the cluster, and lets
 * only a few of them ask at once.
 */
import type { FastifyRequest } from 'fastify'

import type { Log } from '../../ports/log.ts'
import type { VersionRange } from '../../ports/network.ts'
import { commonVersion, parseVersions, PROTOCOL, shown, versionsText } from './handshake.ts'
import type { Newcomers } from './newcomers.ts'
import { nameRefusal } from './peer-tls.ts'

/** Answers a node that asks to become a member. `asked` is a JSON object whose members are not checked yet. */
export type Admit = (asked: Readonly<Record<string, unknown>>) => Promise<JoinAnswer>

interface JoinAnswer {
  readonly status: number
  readonly text: string
}

export interface JoinDeskOptions {
  readonly self: string
  readonly versions: () => VersionRange
  readonly newcomers: Newcomers
  /** Undefined if this node lets nobody join. */
  readonly admit: Admit | undefined
  readonly log: Log
}

/** How many requests to join run at once. Further nodes must ask again. */
const JOINS_MAX = 4
/** How long the connection of a joining node may wait for a decision of the cluster. */
const JOIN_TIMEOUT_MS = 15_000

export class JoinDesk {
  readonly #options: JoinDeskOptions
  #joins = 0

  constructor(options: JoinDeskOptions) {
    this.#options = options
  }

  async answer({ raw, body }: FastifyRequest): Promise<JoinAnswer> {
    const { self, admit, newcomers, log } = this.#options
    if (admit === undefined) return { status: 403, text: `${self} lets nobody join` }
    if (typeof body !== 'object' || body === null) {
      return { status: 400, text: 'the body must be a JSON object' }
    }
    const { protocol, versions: spoken, ...asked } = body as Record<string, unknown>
    if (protocol !== PROTOCOL) {
      const theirs = shown(String(protocol))
      return { status: 403, text: `${self} speaks ${PROTOCOL} with other nodes, not ${theirs}` }
    }
    const refusal = nameRefusal(raw.socket, String(asked['id']))
    if (refusal !== undefined) return { status: 403, text: refusal.message }
    const theirs = parseVersions(typeof spoken === 'string' ? spoken : '1-1')
    const own = this.#options.versions()
    // A new member must not force the present members to an older version.
    if (commonVersion(own, theirs) !== own.newest) {
      const words = `${self} speaks version ${own.newest} of the protocol between nodes`
      return {
        status: 403,
        text: `${words}, the node that asks to join speaks ${versionsText(theirs)}`,
      }
    }
    if (this.#joins >= JOINS_MAX) return { status: 503, text: 'other nodes are asking to join' }
    newcomers.extend(raw.socket, JOIN_TIMEOUT_MS)
    this.#joins++
    try {
      return await admit(asked)
    } catch (error) {
      log.error({ error: String(error) }, 'a node that asks to join could not be answered')
      return { status: 500, text: `${self} met an internal error` }
    } finally {
      this.#joins--
    }
  }
}
