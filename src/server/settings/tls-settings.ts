/** Which PEM files a node uses for TLS. A certificate without its key, or a key without its certificate, is a mistake. */
import { SettingError } from './setting-syntax.ts'

export interface TlsSettings {
  /** Paths of PEM files. */
  readonly cert: string
  readonly key: string
  /** Undefined if the other end needs no certificate. */
  readonly ca: string | undefined
}

/** As given, by name without the prefix. */
export interface GivenTls {
  readonly TLS_CERT: string | undefined
  readonly TLS_KEY: string | undefined
  readonly TLS_CLIENT_CA: string | undefined
  readonly PEER_TLS_CERT: string | undefined
  readonly PEER_TLS_KEY: string | undefined
  readonly PEER_TLS_CA: string | undefined
  readonly PEER_TLS: 'required' | 'optional' | undefined
}

/** Undefined if clients use plain HTTP. */
export function clientTlsSettings(given: GivenTls): TlsSettings | undefined {
  const { TLS_CERT: cert, TLS_KEY: key, TLS_CLIENT_CA: ca } = given
  if (cert !== undefined && key !== undefined) return { cert, key, ca }
  refusePart(given, ['TLS_CERT', 'TLS_KEY'], ['TLS_CLIENT_CA'])
  return undefined
}

/** Undefined if nodes connect without TLS. */
export function peerTlsSettings(
  given: GivenTls,
): (TlsSettings & { readonly isRequired: boolean }) | undefined {
  const { PEER_TLS_CERT: cert, PEER_TLS_KEY: key, PEER_TLS_CA: ca, PEER_TLS: mode } = given
  if (cert !== undefined && key !== undefined && ca !== undefined) {
    return { cert, key, ca, isRequired: mode !== 'optional' }
  }
  refusePart(given, ['PEER_TLS_CERT', 'PEER_TLS_KEY', 'PEER_TLS_CA'], ['PEER_TLS'])
  return undefined
}

/** Otherwise a forgotten setting would leave the port without TLS. */
function refusePart(
  given: GivenTls,
  needed: readonly (keyof GivenTls)[],
  more: readonly (keyof GivenTls)[],
): void {
  const set = [...needed, ...more].find((name) => given[name] !== undefined)
  if (set === undefined) return
  const missing = needed.filter((name) => given[name] === undefined)
  const names = missing.map((name) => `QUORATE_${name}`).join(' and ')
  throw new SettingError(`QUORATE_${set} is set, and needs ${names}, too`)
}
