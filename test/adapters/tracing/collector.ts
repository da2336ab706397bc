/** A collector of traces in the test's process: it takes OTLP over HTTP and keeps what it got. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly traceState?: string
  readonly flags: number
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly OtlpAttribute[]
  readonly status?: { readonly code: number }
}

interface OtlpAttribute {
  readonly key: string
  readonly value: Readonly<Record<string, string | number | boolean>>
}

export interface TakenSpan extends OtlpSpan {
  /** The node that sent it. */
  readonly node: string
  /** The attributes as plain values. */
  readonly told: Readonly<Record<string, string | number | boolean | undefined>>
}

/** `silent` never answers. */
export type CollectorAnswer =
  | { readonly status: number; readonly body?: string; readonly location?: string }
  | 'silent'

export class Collector {
  /** The bodies of the requests, whatever was answered. */
  readonly bodies: string[] = []
  readonly headers: IncomingHttpHeaders[] = []
  answer: CollectorAnswer = { status: 200 }
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        this.bodies.push(Buffer.concat(chunks).toString())
        this.headers.push(request.headers)
        if (this.answer === 'silent') return
        const { status, body = '{}', location } = this.answer
        response.writeHead(
          request.url === '/v1/traces' ? status : 404,
          location === undefined ? {} : { location },
        )
        response.end(body)
      })
    })
  }

  static async start(port = 0): Promise<Collector> {
    const collector = new Collector()
    await collector.listen(port)
    return collector
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get spans(): readonly TakenSpan[] {
    return this.bodies.flatMap(spansIn)
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }
}

interface OtlpBody {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly OtlpAttribute[] }
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[]
  }[]
}

function spansIn(body: string): TakenSpan[] {
  const { resourceSpans } = JSON.parse(body) as OtlpBody
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const node = String(plain(resource.attributes)['service.instance.id'])
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({ ...span, node, told: plain(span.attributes) })),
    )
  })
}

function plain(attributes: readonly OtlpAttribute[]): TakenSpan['told'] {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const { intValue } = value
      return [key, intValue === undefined ? Object.values(value)[0] : Number(intValue)]
    }),
  )
}
