/** One real node in this process whose directory, address and list of members a test chooses. */
import { type RunningServer, startServer } from '../../src/server/compose.ts'
import { parseSettings } from '../../src/server/settings/settings.ts'

export interface NamedNodeOptions {
  readonly id: string
  readonly dataDir: string
  readonly peerPort: number
  /** For each id its peer port, as the node's own list of members has them. */
  readonly members: Readonly<Record<string, number>>
  /** Any free port if undefined. */
  readonly clientPort?: number
  /** Called when the node ends by itself. */
  readonly onBroken?: (error: unknown) => void
}

export interface Status {
  readonly clusterId: string
  readonly verdict: string
  readonly refusals: readonly {
    readonly peer: string
    readonly by: string
    readonly reason: string
  }[]
}

/** The settings of a node on this machine. */
export function environmentOf(
  options: Omit<NamedNodeOptions, 'onBroken'>,
): Readonly<Record<string, string>> {
  const { id, dataDir, peerPort, members, clientPort = 0 } = options
  return {
    QUORATE_NODE_ID: id,
    QUORATE_MEMBERS: Object.entries(members)
      .map(([member, port]) => `${member}=http://127.0.0.1:${port}`)
      .join(','),
    QUORATE_DATA_DIR: dataDir,
    QUORATE_LISTEN: `127.0.0.1:${clientPort}`,
    QUORATE_PEER_LISTEN: `127.0.0.1:${peerPort}`,
  }
}

export class NamedNode {
  readonly server: RunningServer

  private constructor(server: RunningServer) {
    this.server = server
  }

  static async start(options: NamedNodeOptions): Promise<NamedNode> {
    const parsed = parseSettings({ ...environmentOf(options), QUORATE_LOG_LEVEL: 'silent' })
    if (!parsed.ok) throw new Error(parsed.problem)
    const hooks = { onBroken: options.onBroken ?? rethrow }
    return new NamedNode(await startServer(parsed.settings, hooks))
  }

  async stop(): Promise<void> {
    await this.server.stop()
  }

  /** The status code and the body. */
  async ask(path: string, method = 'GET', body?: string): Promise<[number, string]> {
    const response = await fetch(`http://127.0.0.1:${this.server.clientPort}${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
    })
    return [response.status, await response.text()]
  }

  async put(key: string, value: string): Promise<number> {
    const [status] = await this.ask(`/v1/kv/${key}`, 'PUT', value)
    return status
  }

  async status(): Promise<Status> {
    const [, text] = await this.ask('/v1/cluster')
    return JSON.parse(text) as Status
  }
}

function rethrow(error: unknown): never {
  throw error
}
