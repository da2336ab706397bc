/**
 * Changes the nodes of a running local cluster. A joining node is started by the supervisor like the others. A node
 * that reports that it has left is stopped, and later starts skip it.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { bearer, readToken } from '../command-line/token.ts'
import { findTakenPort, planAddress } from './address-plan.ts'
import { ControlError, type JoinedNode, type NodeStatus } from './control.ts'
import { pollUntilOk } from './http-poll.ts'
import { type EnvironmentOptions, environmentOf, schemeOf } from './node-environment.ts'
import { createNodeProcess } from './node-process.ts'
import { type Roster, type RosterNode, withJoining, withoutNodes, writeRoster } from './roster.ts'
import type { Supervisor } from './supervisor.ts'

export interface GrowingOptions extends EnvironmentOptions {
  readonly basePort: number
  readonly report: (line: string) => void
}

const ID = /^n[1-9][0-9]?$/
/** How long `join` waits for admission. A longer wait means that another change of the members is under way. */
const ADMISSION_WAIT_MS = 20_000
const ASK_TIMEOUT_MS = 1000
const LOOK_INTERVAL_MS = 5000
/** A node that has left still answers for so long, because a client may wait for its leave through this node alone. */
const FAREWELL_MS = 2000

export class GrowingCluster {
  readonly #options: GrowingOptions
  readonly #supervisor: Supervisor
  #roster: Roster
  #lookedMs = Number.NEGATIVE_INFINITY
  readonly #farewells = new Map<string, NodeJS.Timeout>()
  /**
   * Settles when the last requested join has ended. Nodes join one at a time, as the cluster makes one change at a
   * time.
   */
  #idle: Promise<unknown> = Promise.resolve()

  constructor(options: GrowingOptions, supervisor: Supervisor, roster: Roster) {
    this.#options = options
    this.#supervisor = supervisor
    this.#roster = roster
  }

  /** Rejects with ControlError if the id is not allowed, or the cluster refuses the node. */
  join(id: string, replaces: string | undefined): Promise<JoinedNode> {
    const done = this.#idle.then(() => this.#join(id, replaces))
    this.#idle = done.catch(() => {})
    return done
  }

  /**
   * Stops and remembers the nodes that report that they are no longer members: no other node reaches them, and they
   * serve no requests. Checks at most every few seconds, unless `mustLook` is set.
   */
  async letLeaversGo(mustLook = false): Promise<void> {
    const nowMs = performance.now()
    if (!mustLook && nowMs - this.#lookedMs < LOOK_INTERVAL_MS) return
    this.#lookedMs = nowMs
    const nodes = await this.#supervisor.status()
    const haveLeft = await Promise.all(nodes.map(hasLeft))
    for (const id of nodes.map((node) => node.id).filter((_, i) => haveLeft[i] === true)) {
      if (mustLook || !this.#farewells.has(id)) await this.letGo(id)
    }
  }

  /** Like `letGo`, a while later. */
  removed(id: string): void {
    const letGo = (): void => {
      this.letGo(id).catch((error: unknown) => {
        // While the cluster stops, the node is stopped with the others.
        if (!(error instanceof ControlError)) this.#options.report((error as Error).message)
      })
    }
    this.#farewells.set(id, setTimeout(letGo, FAREWELL_MS))
  }

  /** Call when the nodes are about to stop. */
  close(): void {
    for (const farewell of this.#farewells.values()) clearTimeout(farewell)
  }

  /** Stops a node that has reported that it is no longer a member, and remembers it. */
  async letGo(id: string): Promise<void> {
    clearTimeout(this.#farewells.get(id))
    this.#farewells.delete(id)
    if (this.#roster.left.includes(id)) return
    this.#roster = withoutNodes(this.#roster, [id])
    writeRoster(this.#options.dataDir, this.#roster)
    await this.#supervisor.remove(id)
    this.#options.report(
      `${id} has left the cluster and was stopped; npm start will not start it again`,
    )
  }

  async #join(id: string, replaces: string | undefined): Promise<JoinedNode> {
    const { dataDir, basePort, env } = this.#options
    await this.#refuse(id)
    const before = this.#roster
    const joining = withJoining(before, await planAddress(id, basePort, schemeOf(env)))
    const node = joining.nodes.at(-1) as RosterNode
    const taken = await findTakenPort([node])
    if (taken !== undefined) {
      throw new ControlError('refused', `${id} could not start: port ${taken.port} is taken`)
    }
    this.#roster = joining
    let isAnswered = false
    const ended = new AbortController()
    const process = createNodeProcess(
      {
        id,
        nodeDir: join(dataDir, id),
        clientUrl: node.clientUrl,
        env: environmentOf(node, this.#roster, this.#options, replaces),
      },
      {
        ended: (end) => {
          // While `join` waits for the node, the error of `join` reports its end.
          if (isAnswered) this.#supervisor.ended(id, end)
          else ended.abort(end.sentence)
        },
        removed: () => this.removed(id),
      },
    )
    this.#supervisor.add({ process, peerUrl: node.peerUrl })
    // Remember the node before it becomes a member, so that it is not forgotten if this process ends in between.
    writeRoster(dataDir, this.#roster)
    try {
      await this.#supervisor.start(id)
      const admitted = await this.#admitted(node, ended.signal)
      isAnswered = true
      return admitted
    } catch (error) {
      await this.#supervisor.remove(id)
      this.#roster = before
      writeRoster(dataDir, before)
      throw new ControlError('refused', (error as Error).message)
    }
  }

  async #admitted({ id, clientUrl }: RosterNode, ended: AbortSignal): Promise<JoinedNode> {
    const giveUp = AbortSignal.any([ended, AbortSignal.timeout(ADMISSION_WAIT_MS)])
    // The node answers this request only after it has started, and it starts only as a member.
    const isMember = await pollUntilOk(`${clientUrl}/v1/cluster`, giveUp, ownToken())
    if (ended.aborted) throw new Error(String(ended.reason))
    return { id, clientUrl, isMember }
  }

  async #refuse(id: string): Promise<void> {
    const refuse = (reason: string): never => {
      throw new ControlError('refused', reason)
    }
    if (!ID.test(id)) refuse(`${id} is not a valid node id: use n1 to n99`)
    const nodes = await this.#supervisor.status()
    if (nodes.some((node) => node.id === id)) refuse(`${id} is already a node of this cluster`)
    const directory = join(this.#options.dataDir, id)
    if (this.#roster.left.includes(id) && existsSync(directory)) {
      refuse(
        `${id} has left the cluster, but ${directory} still holds its old data: remove that directory first`,
      )
    }
  }
}

/** The header for nodes that were started with QUORATE_AUTH=on. */
function ownToken(): Record<string, string> {
  return bearer(readToken(undefined, process.env))
}

async function hasLeft({ id, state, clientUrl }: NodeStatus): Promise<boolean> {
  if (state !== 'running') return false
  try {
    const signal = AbortSignal.timeout(ASK_TIMEOUT_MS)
    const answer = await (
      await fetch(`${clientUrl}/v1/cluster`, { headers: ownToken(), signal })
    ).json()
    const { members } = answer as { members?: readonly { readonly id: string }[] }
    // A node that is starting, or waits for admission, lists no members.
    return members !== undefined && !members.some((member) => member.id === id)
  } catch {
    return false
  }
}
