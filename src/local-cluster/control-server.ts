/**
 * Serves the control socket of a local cluster: HTTP with JSON bodies over a Unix socket that only its owner may open.
 * A data directory is in use as long as a process listens on this socket.
 */
import { once } from 'node:events'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { connect } from 'node:net'
import { resolve } from 'node:path'
import type { ClusterControl } from './control.ts'
import { clusterFilePath, ControlError, readClusterFile, socketPathFor } from './control.ts'

const CONNECTIONS_MAX = 32
const BODY_BYTES_MAX = 4096

export interface ControlServer {
  /** Whether the previous supervisor ended without cleaning up. Its nodes may then still be ending. */
  readonly afterCrash: boolean
  serve(control: ClusterControl): void
  close(): Promise<void>
}

/** Rejects with ControlError if a running cluster uses the directory, or the directory is not usable. */
export async function openControlServer(dataDir: string): Promise<ControlServer> {
  makeDirectory(dataDir)
  const socketPath = socketPathFor(dataDir)
  const earlier = readClusterFile(dataDir)
  let control: ClusterControl | undefined
  const server = createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
      response.end(JSON.stringify(body))
    }
    if (control === undefined) {
      request.resume()
      answer(503, { error: 'the cluster is starting' })
      return
    }
    dispatch(control, request).then(
      (body) => answer(200, body),
      (error: unknown) => {
        const { message } = error as Error
        answer(error instanceof ControlError ? 409 : 500, { error: message })
      },
    )
  })
  server.maxConnections = CONNECTIONS_MAX
  if (!(await listen(server, socketPath))) {
    if (await isAnswered(socketPath)) throw inUse(dataDir, earlier?.pid)
    // A killed supervisor left the socket file behind.
    rmSync(socketPath, { force: true })
    if (!(await listen(server, socketPath))) throw inUse(dataDir, undefined)
  }
  chmodSync(socketPath, 0o600)
  writeFileSync(clusterFilePath(dataDir), JSON.stringify({ pid: process.pid, socketPath }) + '\n')
  return {
    afterCrash: earlier !== undefined,
    serve: (served) => {
      control = served
    },
    close: async () => {
      server.close()
      server.closeAllConnections()
      rmSync(clusterFilePath(dataDir), { force: true })
      await once(server, 'close')
    },
  }
}

function makeDirectory(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true })
  } catch (error) {
    const { message } = error as Error
    throw new ControlError('refused', `${resolve(dataDir)} cannot be used: ${message}`)
  }
}

function inUse(dataDir: string, pid: number | undefined): ControlError {
  const by = pid === undefined ? '' : ` (process ${pid})`
  return new ControlError(
    'refused',
    `${resolve(dataDir)} is in use by a running cluster${by}: stop that cluster, or choose another directory with --data`,
  )
}

async function listen(server: Server, socketPath: string): Promise<boolean> {
  server.listen(socketPath)
  try {
    await once(server, 'listening')
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  }
}

/** Whether a process listens on the socket file. */
async function isAnswered(socketPath: string): Promise<boolean> {
  const socket = connect(socketPath)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function dispatch(control: ClusterControl, request: IncomingMessage): Promise<object> {
  const asked = `${request.method} ${request.url}`
  const body = await readBody(request)
  if (asked === 'GET /status') return { nodes: await control.status() }
  if (asked === 'POST /heal') {
    await control.heal()
    return {}
  }
  if (asked === 'POST /join') {
    const { id, replaces } = body
    const isGiven = typeof id === 'string' && ['string', 'undefined'].includes(typeof replaces)
    if (!isGiven) throw new ControlError('refused', 'a node that joins needs an id')
    return control.join(id, replaces as string | undefined)
  }
  const [, node, fault] = /^POST \/nodes\/([^/]+)\/(kill|pause|restart)$/.exec(asked) ?? []
  if (node === undefined)
    throw new ControlError('refused', `the control socket does not know the request ${asked}`)
  const id = decodeURIComponent(node)
  const forMs = Number(body['forMs'])
  if (fault === 'kill') await control.kill(id, forMs)
  else if (fault === 'pause') await control.pause(id, forMs)
  else await control.restart(id)
  return {}
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = ''
  request.setEncoding('utf8')
  for await (const chunk of request) {
    text += chunk as string
    if (text.length > BODY_BYTES_MAX) throw new ControlError('refused', 'the body is too large')
  }
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
}
