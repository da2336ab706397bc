/** Finds the endpoint of a request by its method and path, whether or not the request reached a route. */
import type { Endpoint } from '../http/endpoint.ts'

export class EndpointFinder {
  readonly #patterns: readonly { readonly endpoint: Endpoint; readonly pattern: RegExp }[]

  constructor(endpoints: readonly Endpoint[]) {
    this.#patterns = endpoints.map((endpoint) => ({ endpoint, pattern: patternOf(endpoint) }))
  }

  /** `path`: without the query. */
  find(method: string, path: string): Endpoint | undefined {
    const wanted = method === 'HEAD' ? ['HEAD', 'GET'] : [method]
    return this.at(path).find((endpoint) => wanted.includes(endpoint.method))
  }

  /** Whatever the method is. */
  at(path: string): readonly Endpoint[] {
    return this.#patterns
      .filter(({ pattern }) => pattern.test(path))
      .map(({ endpoint }) => endpoint)
  }
}

function patternOf({ path }: Endpoint): RegExp {
  const text = path.replaceAll('.', String.raw`\.`).replace('{key}', '.+')
  return new RegExp(`^${text.replaceAll(/\{[a-z]+\}/g, '[^/]+')}$`)
}
