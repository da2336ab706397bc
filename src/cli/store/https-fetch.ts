/**
 * `fetch` for https:// endpoints with a CA or a client certificate from files. The `fetch` of Node.js takes neither.
 */
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { Readable } from 'node:stream'
import type { Fetch, FetchInit } from '../../client/quorate.ts'

/** The contents of PEM files. Undefined members take the defaults of Node.js. */
export interface ClientPem {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

/** Throws an Error if the certificate and the key cannot be used together. Other addresses go to `fetch`. */
export function httpsFetch({ ca, cert, key }: ClientPem): Fetch {
  const agent = new Agent({
    keepAlive: true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  })
  return (url, init) => (url.startsWith('https:') ? send(url, init, agent) : fetch(url, init))
}

function send(
  url: string,
  { method, headers, body, signal }: FetchInit,
  agent: Agent,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      // Like `fetch`: the cause says what has happened.
      const failed = new TypeError('fetch failed', { cause: error })
      reject(signal.aborted ? (signal.reason as Error) : failed)
    }
    const options = { agent, method, headers: Object.fromEntries(headers), signal }
    const sent = request(url, options, (message) => {
      const { statusCode = 0 } = message
      if (statusCode >= 300 && statusCode < 400 && statusCode !== 304) {
        message.destroy()
        fail(new Error('unexpected redirect'))
      } else {
        resolve(responseOf(message, statusCode))
      }
    })
    sent.on('error', fail)
    sent.end(body)
  })
}

/** The types of Node.js know two classes of web streams, and they are one. */
type Body = ConstructorParameters<typeof Response>[0]

const WITHOUT_BODY: readonly number[] = [204, 304]

function responseOf(message: IncomingMessage, status: number): Response {
  const headers = new Headers()
  for (let i = 0; i + 1 < message.rawHeaders.length; i += 2) {
    headers.append(message.rawHeaders[i] as string, message.rawHeaders[i + 1] as string)
  }
  if (!WITHOUT_BODY.includes(status)) {
    return new Response(Readable.toWeb(message) as Body, { status, headers })
  }
  message.resume()
  return new Response(null, { status, headers })
}
