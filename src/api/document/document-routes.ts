/** `/` says what this is, `/docs` shows the interface to people, and `/openapi.json` describes it to programs. */
import type { FastifyInstance } from 'fastify'
import { html } from '../../html/html.ts'
import { preferredType } from '../http/accept.ts'
import { type Endpoint, serve } from '../http/endpoint.ts'
import { respond, respondJson } from '../http/respond.ts'
import { docsPage } from './docs-page.ts'
import { GET_DOCS, GET_HOME, GET_OPENAPI, type Home } from './document-endpoints.ts'
import { documentPage, pageHeaders } from './document-page.ts'
import { ABOUT } from './interface-words.ts'
import { openApiDocument } from './openapi.ts'

export interface DocumentFacts {
  readonly endpoints: readonly Endpoint[]
  readonly version: string
  readonly nodeId: string
}

const LINKS = {
  docs: '/docs',
  openapi: '/openapi.json',
  buckets: '/v1/buckets',
  cluster: '/v1/cluster',
  ready: '/readyz?verbose',
  metrics: '/metrics',
  lab: '/ui/',
} as const

export function addDocumentRoutes(app: FastifyInstance, facts: DocumentFacts): void {
  const { endpoints, version, nodeId } = facts
  // Made at the first request: most nodes are never asked.
  const page = once(() => Buffer.from(docsPage(endpoints, version)))
  const document = once(() =>
    Buffer.from(`${JSON.stringify(openApiDocument(endpoints, version), undefined, 2)}\n`),
  )

  serve(app, GET_HOME, (request, reply) => {
    const home: Home = { name: 'quorate', about: ABOUT, version, node: nodeId, links: LINKS }
    const type = preferredType(request.headers.accept, ['application/json', 'text/html'])
    if (type === 'application/json') respondJson(reply, 200, home, ['Vary', 'Accept'])
    else {
      const headers = [...pageHeaders(), 'Vary', 'Accept']
      respond(reply, 200, headers, Buffer.from(homePage(home, endpoints)))
    }
  })

  serve(app, GET_DOCS, (_request, reply) => respond(reply, 200, pageHeaders(), page()))

  serve(app, GET_OPENAPI, (_request, reply) => {
    respond(reply, 200, ['Content-Type', 'application/json'], document())
  })
}

function homePage({ about, version, node, links }: Home, endpoints: readonly Endpoint[]): string {
  const summaryOf = (link: string): string | undefined =>
    endpoints.find(({ method, path }) => method === 'GET' && path === link.split('?')[0])?.summary
  return documentPage(
    `Quorate ${node}`,
    html`<h1>Quorate ${version}, node ${node}</h1>
      <p>${about}</p>
      <table>
        ${Object.values(links).map(
          (link) =>
            html`<tr>
              <td>
                <a href="${link}"><code>${link}</code></a>
              </td>
              <td>${summaryOf(link)}</td>
            </tr>`,
        )}
      </table>`,
  )
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
