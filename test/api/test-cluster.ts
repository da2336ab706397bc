/**
 * A real cluster inside the test's process: real disks in a temporary directory, real peer links and HTTP on free ports
 * of the loopback interface. Requests are sent raw, so that a test controls each byte of a path. Each answer must be one
 * that the OpenAPI document describes.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, type Dispatcher } from 'undici'
import { expectDocumented } from './documented-answer.ts'
import { freePorts } from '../../src/local-cluster/address-plan.ts'
import { startServer, type RunningServer } from '../../src/server/compose.ts'
import { parseSettings } from '../../src/server/settings/settings.ts'

/** A page with one file, in place of the lab. */
const BUILT_LAB = fileURLToPath(new URL('./built-lab', import.meta.url))

export interface TestAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
  readonly text: string
}

export interface TestRequest {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

export interface TestCluster {
  readonly nodes: readonly RunningServer[]
  /** The data directory of each node, in the same order. */
  readonly dataDirs: readonly string[]
  /** Sends a request to the node with that index; `path` is sent unchanged. */
  request(node: number, path: string, request?: TestRequest): Promise<TestAnswer>
  /** Starts a stopped node again with its directory and its peer port. */
  restart(node: number): Promise<void>
  stop(): Promise<void>
}

export async function startCluster(
  members: number,
  env: Record<string, string> = {},
): Promise<TestCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-api-'))
  const ports = await freePorts(members)
  const list = ports.map((port, i) => `n${i + 1}=http://127.0.0.1:${port}`).join(',')
  const broken: unknown[] = []
  const start = (i: number): Promise<RunningServer> => {
    const parsed = parseSettings({
      QUORATE_NODE_ID: `n${i + 1}`,
      QUORATE_MEMBERS: list,
      QUORATE_DATA_DIR: join(directory, `n${i + 1}`),
      QUORATE_LISTEN: '127.0.0.1:0',
      QUORATE_PEER_LISTEN: `127.0.0.1:${ports[i] as number}`,
      QUORATE_LOG_LEVEL: 'silent',
      QUORATE_LAB_DIR: BUILT_LAB,
      ...env,
    })
    if (!parsed.ok) throw new Error(parsed.problem)
    return startServer(parsed.settings, { onBroken: (error) => broken.push(error) })
  }
  const nodes = await Promise.all(ports.map((_, i) => start(i)))
  const clientOf = ({ clientPort }: RunningServer): Client =>
    new Client(`http://127.0.0.1:${clientPort}`)
  const clients = nodes.map(clientOf)
  return {
    nodes,
    dataDirs: nodes.map((_, i) => join(directory, `n${i + 1}`)),
    request: (node, path, request = {}) => send(clients[node] as Client, path, request),
    restart: async (node) => {
      const { destroyed } = clients[node] as Client
      if (!destroyed) await (clients[node] as Client).close()
      nodes[node] = await start(node)
      clients[node] = clientOf(nodes[node])
    },
    stop: async () => {
      await Promise.all(clients.map((client) => client.close()))
      await Promise.all(nodes.map((node) => node.stop()))
      await rm(directory, { recursive: true })
      if (broken.length > 0) throw broken[0]
    },
  }
}

async function send(client: Client, path: string, request: TestRequest): Promise<TestAnswer> {
  const { method = 'GET' } = request
  const { statusCode, headers, body } = await client.request({
    path,
    method: method as Dispatcher.HttpMethod,
    headers: request.headers ?? {},
    ...(request.body === undefined ? {} : { body: request.body }),
  })
  const bytes = await bytesOf(headers['content-type'], body)
  const answer: TestAnswer = {
    status: statusCode,
    headers: headers as Record<string, string | undefined>,
    body: bytes,
    text: bytes.toString(),
  }
  expectDocumented(method, path, answer)
  return answer
}

/** Of a stream of events, which has no end, only the beginning. */
async function bytesOf(
  type: string | string[] | undefined,
  body: Dispatcher.ResponseData['body'],
): Promise<Buffer> {
  if (type !== 'text/event-stream') return Buffer.from(await body.arrayBuffer())
  for await (const chunk of body) return chunk as Buffer
  return Buffer.alloc(0)
}
