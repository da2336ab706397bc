/** One node as a process whose directory, addresses and list of members a test chooses. */
import { join } from 'node:path'
import { createNodeProcess, type NodeProcess } from '../../src/local-cluster/node-process.ts'
import { environmentOf } from '../cases/named-node.ts'

export interface NamedProcessOptions {
  readonly id: string
  readonly dataDir: string
  readonly clientPort: number
  readonly peerPort: number
  /** For each id its peer port, as the node's own list of members has them. */
  readonly members: Readonly<Record<string, number>>
}

export interface NamedAnswer {
  /** 0 if there was no answer. */
  readonly status: number
  readonly text: string
}

const REQUEST_MS_MAX = 10_000

export class NamedProcess {
  readonly id: string
  readonly dataDir: string
  /** The messages of the process each time it ended by itself. */
  readonly ends: string[] = []
  readonly #url: string
  readonly #process: NodeProcess

  constructor(options: NamedProcessOptions) {
    const { id, dataDir, clientPort } = options
    this.id = id
    this.dataDir = dataDir
    this.#url = `http://127.0.0.1:${clientPort}`
    const env = { ...process.env, ...environmentOf(options) }
    const spec = { id, nodeDir: dataDir, clientUrl: this.#url, env }
    this.#process = createNodeProcess(spec, {
      ended: ({ sentence }) => this.ends.push(sentence),
      removed: () => undefined,
    })
  }

  get logPath(): string {
    return join(this.dataDir, 'node.log')
  }

  /** Resolves when the node gives any answer. Rejects if it ends or does not answer. */
  async start(): Promise<void> {
    await this.#process.start()
  }

  async stop(): Promise<void> {
    await this.#process.stop()
  }

  async ask(path: string, request: RequestInit = {}): Promise<NamedAnswer> {
    try {
      const signal = AbortSignal.timeout(REQUEST_MS_MAX)
      const answer = await fetch(`${this.#url}${path}`, { ...request, signal })
      return { status: answer.status, text: await answer.text() }
    } catch (error) {
      return { status: 0, text: String(error) }
    }
  }

  async put(path: string, body: string): Promise<NamedAnswer> {
    return this.ask(`/v1/kv/${path}`, { method: 'PUT', body })
  }

  /** '' if there is no verdict. */
  async verdict(): Promise<string> {
    const { status, text } = await this.ask('/v1/cluster')
    return status === 200 ? ((JSON.parse(text) as { verdict: string }).verdict ?? '') : ''
  }
}
