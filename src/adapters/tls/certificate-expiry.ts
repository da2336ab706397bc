/**
 * Tells how long certificates are valid, as a metric and in the log. A file with several certificates, such as a CA file
 * during a rotation, counts with the one that expires first.
 */
import type { X509Certificate } from 'node:crypto'

import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'

const DAY_MS = 86_400_000
/** When the log begins to warn. A certificate that lives shorter is warned of in the last quarter of its life. */
const WARNING_MS = 14 * DAY_MS
const LIFE_SHARE = 0.25
const LOOK_INTERVAL_MS = 60_000

export interface ExpiryOptions {
  /** The label `kind` → the certificates that count for it now. */
  readonly certificates: Readonly<Record<string, () => readonly X509Certificate[]>>
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Log
}

export interface CertificateExpiry {
  /** Sets the metric, and logs what is due. */
  look(): void
  stop(): void
}

export function watchExpiry({
  certificates,
  clock,
  metrics,
  log,
}: ExpiryOptions): CertificateExpiry {
  /** The last line of each kind, so that each is logged once a day. */
  const told = new Map<string, string>()
  const look = (): void => {
    for (const [kind, list] of Object.entries(certificates)) {
      const first = firstToExpire(list())
      if (first === undefined) continue
      const leftMs = expiryMs(first) - clock.wallMs()
      metrics.gauge('certificate_expiry_seconds', leftMs / 1000, { kind })
      const days = Math.floor(leftMs / DAY_MS)
      const line = `${first.fingerprint256} ${days}`
      if (leftMs > warningMs(first) || told.get(kind) === line) continue
      told.set(kind, line)
      const fields = { kind, subject: subjectOf(first), expires: first.validTo }
      if (leftMs > 0) log.warn({ ...fields, days }, 'a certificate expires soon: replace its file')
      else log.error(fields, 'a certificate has expired: replace its file')
    }
  }
  look()
  const timer = setInterval(look, LOOK_INTERVAL_MS)
  timer.unref()
  return { look, stop: () => clearInterval(timer) }
}

function firstToExpire(certificates: readonly X509Certificate[]): X509Certificate | undefined {
  const [first, ...rest] = certificates
  if (first === undefined) return undefined
  return rest.reduce((a, b) => (expiryMs(b) < expiryMs(a) ? b : a), first)
}

function warningMs(certificate: X509Certificate): number {
  const lifeMs = expiryMs(certificate) - certificate.validFromDate.getTime()
  return Math.min(WARNING_MS, lifeMs * LIFE_SHARE)
}

function expiryMs(certificate: X509Certificate): number {
  return certificate.validToDate.getTime()
}

/** On one line. */
function subjectOf({ subject, subjectAltName }: X509Certificate): string {
  return (subject || subjectAltName || '').replaceAll('\n', ', ')
}
