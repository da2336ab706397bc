/** Knows the methods of each path, to answer a wrong method with 405 and an unknown path with 404. */
import { QuorateError } from '../core/errors.ts'
import { quoted } from './http/query.ts'

export class RouteTable {
  readonly #routes = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>()

  /** `url` is written for Fastify, with `:name` for one segment. */
  add(url: string, method: string | readonly string[]): void {
    let route = this.#routes.get(url)
    if (route === undefined) {
      const pattern = url.replace(/[.]/g, '\\.').replace(/:[a-z]+/gi, '[^/]+')
      route = { pattern: new RegExp(`^${pattern}$`), methods: new Set() }
      this.#routes.set(url, route)
    }
    for (const one of [method].flat()) route.methods.add(one as string)
  }

  /** The error for a request that has no route. */
  refusal(method: string, target: string): QuorateError {
    const path = target.split('?', 1)[0] as string
    for (const { pattern, methods } of this.#routes.values()) {
      if (!pattern.test(path)) continue
      const allow = [...methods].sort()
      const message = `${quoted(method)} is not possible here; allowed: ${allow.join(', ')}.`
      return new QuorateError('method_not_allowed', message, { allow })
    }
    return new QuorateError(
      'path_unknown',
      `There is nothing at ${quoted(path)}; values are at /v1/kv/{bucket}/{key}.`,
    )
  }
}
