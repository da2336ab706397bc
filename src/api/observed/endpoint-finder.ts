/** Finds the endpoint of a request by its method and path, whether or not the request reached a route. */
import type { Endpoint } from '../http/endpoint.ts'

export class EndpointFinder {
  readonly #patterns: readonly { readonly endpoint: Endpoint; readonly pattern: RegExp }[]

  constructor(endpoints: readonly Endpoint[]) {
    this.#patterns = endpoints.map((endpoint) => ({ endpoint, pattern: patternOf(endpoint) }))
  }

  /** `path`: without the query. */
  find(method: string, path: string): Endpoint | undefined {
    const there = this.#patterns.filter(({ pattern }) => pattern.test(path))
    const wanted = method === 'HEAD' ? ['HEAD', 'GET'] : [method]
    return there.find(({ endpoint }) => wanted.includes(endpoint.method))?.endpoint
  }
}

function patternOf({ path }: Endpoint): RegExp {
  const text = path.replaceAll('.', String.raw`\.`).replace('{key}', '.+')
  return new RegExp(`^${text.replaceAll(/\{[a-z]+\}/g, '[^/]+')}$`)
}
