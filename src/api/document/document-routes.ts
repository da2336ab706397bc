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
    else respond(reply, 200, [...pageHeaders(), 'Vary', 'Accept'], Buffer.from(homePage(home)))
  })

  serve(app, GET_DOCS, (_request, reply) => respond(reply, 200, pageHeaders(), page()))

  serve(app, GET_OPENAPI, (_request, reply) => {
    respond(reply, 200, ['Content-Type', 'application/json'], document())
  })
}

function homePage({ about, version, node, links }: Home): string {
  return documentPage(
    `Quorate ${node}`,
    html`<h1>Quorate ${version}, node ${node}</h1>
      <p>${about}</p>
      <ul>
        ${Object.entries(links).map(([name, path]) => html`<li><a href="${path}">${name}</a></li>`)}
      </ul>`,
  )
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
