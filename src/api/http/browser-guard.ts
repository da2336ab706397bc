/**
 * The rules for web browsers. A page of another origin must not change anything. A page whose DNS name now resolves
 * to this node (DNS rebinding) must not even read: it looks like a page of this node's own origin, and only its Host
 * name gives it away.
 *
 * Other clients send no Origin, so the first rule does not touch them. IP literals and localhost are always served,
 * because no attacker can make such a name resolve to another address.
 */
import { isIP } from 'node:net'
import type { IncomingHttpHeaders } from 'node:http'
import { QuorateError } from '../../core/errors.ts'
import { quoted } from './query.ts'

export interface BrowserSettings {
  /** Origins beside the node's own, as browsers write them: `https://app.example`. */
  readonly allowedOrigins?: readonly string[] | undefined
  /** Host names that are served; `*.example.com` stands for all below it. Undefined serves all. */
  readonly allowedHosts?: readonly string[] | undefined
}

/** `host:port` or `host`, with an IPv6 address in brackets. */
const AUTHORITY = /^(?:\[([0-9a-f:.]+)\]|([^\s/?#@:,[\]]+))(?::\d{0,5})?$/i

export class BrowserGuard {
  readonly #settings: BrowserSettings
  /** The last host that passed. Nearly all requests name the same host, so most need only one comparison. */
  #rightHost: string | undefined

  constructor(settings: BrowserSettings) {
    this.#settings = settings
  }

  /** The error, if this host is not served. `host` is the text of the Host header. */
  hostRefusal(host: string): QuorateError | undefined {
    if (host === this.#rightHost) return undefined
    const [, address, name] = AUTHORITY.exec(host) ?? []
    if (address === undefined ? name === undefined : isIP(address) !== 6) {
      return new QuorateError('bad_request', `${quoted(host)} is not a host name with a port.`)
    }
    if (name !== undefined && !this.#isServed(name.toLowerCase())) {
      return new QuorateError(
        'host_not_allowed',
        `Requests for the host ${quoted(name)} are not served; QUORATE_ALLOWED_HOSTS lists those that are.`,
      )
    }
    this.#rightHost = host
    return undefined
  }

  /** The error, if a request that changes something comes from a page of a foreign origin. */
  originRefusal(
    headers: IncomingHttpHeaders,
    host: string,
    isEncrypted: boolean,
  ): QuorateError | undefined {
    const { origin, 'sec-fetch-site': site } = headers
    if (origin === undefined) {
      if (site !== 'cross-site' && site !== 'same-site') return undefined
    } else if (this.#isKnownOrigin(origin.toLowerCase(), host.toLowerCase(), site, isEncrypted)) {
      return undefined
    }
    const from = origin === undefined ? 'another site' : `the origin ${quoted(origin)}`
    return new QuorateError(
      'cross_origin',
      `A page of ${from} may change nothing here; QUORATE_ALLOWED_ORIGINS lists those that may.`,
    )
  }

  #isServed(name: string): boolean {
    const { allowedHosts } = this.#settings
    const bare = name.endsWith('.') ? name.slice(0, -1) : name
    if (allowedHosts === undefined || bare === 'localhost' || isIP(bare) === 4) return true
    return allowedHosts.some((allowed) =>
      allowed.startsWith('*.') ? bare.endsWith(allowed.slice(1)) : bare === allowed,
    )
  }

  #isKnownOrigin(origin: string, host: string, site: unknown, isEncrypted: boolean): boolean {
    if (this.#settings.allowedOrigins?.includes(origin) === true) return true
    if (origin === `${isEncrypted ? 'https' : 'http'}://${host}`) return true
    // Behind a proxy that terminates TLS the schemes differ. Then the browser's own same-origin mark decides.
    return site === 'same-origin' && origin === `https://${host}`
  }
}
