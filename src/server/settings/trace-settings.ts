/**
 * The settings of tracing. They have the names that every program with OpenTelemetry reads. Without an endpoint the
 * others are not read, because whatever set them for all programs must not keep a node from starting.
 */
import { SettingError } from './setting-syntax.ts'

export interface TraceSettings {
  readonly collector: {
    /** The URL that takes spans. */
    readonly url: string
    /** Headers of each request to it. Their values may be secrets. */
    readonly headers: Readonly<Record<string, string>>
  }
  readonly serviceName: string
  /** What else is told of this node with its spans. */
  readonly resource: Readonly<Record<string, string>>
  /** The share of the requests without a `traceparent` that is recorded: 0 to 1. */
  readonly ratio: number
}

interface TraceSetting {
  readonly fallback: string
  readonly about: string
}

/** By whole name. */
export const TRACE_TABLE: Readonly<Record<TraceName, TraceSetting>> = {
  OTEL_SDK_DISABLED: { fallback: 'false', about: 'true: nothing is traced' },
  OTEL_TRACES_EXPORTER: { fallback: 'otlp', about: 'none: nothing is traced' },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    fallback: '',
    about:
      'URL of the collector of traces, OTLP over HTTP: http://collector:4318, to which /v1/traces is added; nothing is traced if not set',
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    fallback: '',
    about: 'headers for the collector: name=value,name=value, percent-encoded',
  },
  OTEL_SERVICE_NAME: {
    fallback: 'quorate',
    about: 'service.name of the traces; OTEL_RESOURCE_ATTRIBUTES may set it, too',
  },
  OTEL_RESOURCE_ATTRIBUTES: {
    fallback: '',
    about: 'further attributes of this node in the traces: name=value,name=value, percent-encoded',
  },
  OTEL_TRACES_SAMPLER: {
    fallback: 'parentbased_traceidratio',
    about:
      'always_off: nothing is traced; parentbased_always_off: only requests with a traceparent; others that do not end in traceidratio: every request',
  },
  OTEL_TRACES_SAMPLER_ARG: {
    fallback: '1',
    about:
      'share of the requests that is traced, 0 to 1; a request with a traceparent decides for itself',
  },
}

type TraceName =
  | 'OTEL_SDK_DISABLED'
  | 'OTEL_TRACES_EXPORTER'
  | 'OTEL_EXPORTER_OTLP_ENDPOINT'
  | 'OTEL_EXPORTER_OTLP_HEADERS'
  | 'OTEL_SERVICE_NAME'
  | 'OTEL_RESOURCE_ATTRIBUTES'
  | 'OTEL_TRACES_SAMPLER'
  | 'OTEL_TRACES_SAMPLER_ARG'

/** A field name of HTTP, and printable ASCII (RFC 9110, section 5). */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/
const HEADER_VALUE = /^[\x20-\x7e]*$/

/** Undefined if nothing is traced. Throws a `SettingError` that names the variable. */
export function traceSettings(
  env: Readonly<Record<string, string | undefined>>,
): TraceSettings | undefined {
  const textOf = (name: TraceName): string => env[name] || TRACE_TABLE[name].fallback
  const read = <T>(name: TraceName, parse: (text: string) => T): T => {
    try {
      return parse(textOf(name))
    } catch (error) {
      // Without the text, which may be a secret.
      if (error instanceof SettingError) throw new SettingError(`${name}: ${error.message}`)
      throw error
    }
  }
  const sampler = textOf('OTEL_TRACES_SAMPLER')
  const isOff =
    textOf('OTEL_SDK_DISABLED').toLowerCase() === 'true' ||
    textOf('OTEL_TRACES_EXPORTER') === 'none' ||
    sampler === 'always_off'
  const url = isOff ? undefined : read('OTEL_EXPORTER_OTLP_ENDPOINT', spansUrl)
  if (url === undefined) return undefined
  const resource = read('OTEL_RESOURCE_ATTRIBUTES', parsePairs)
  const fixedRatio = sampler === 'parentbased_always_off' ? 0 : 1
  return {
    collector: { url, headers: read('OTEL_EXPORTER_OTLP_HEADERS', parseHeaders) },
    serviceName:
      env['OTEL_SERVICE_NAME'] ||
      resource['service.name'] ||
      TRACE_TABLE.OTEL_SERVICE_NAME.fallback,
    resource,
    // The argument of another sampler is no share.
    ratio: sampler.endsWith('traceidratio')
      ? read('OTEL_TRACES_SAMPLER_ARG', parseRatio)
      : fixedRatio,
  }
}

function spansUrl(text: string): string | undefined {
  if (text === '') return undefined
  const url = URL.parse(text)
  const isPlain =
    url?.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (url === null || !isPlain || !['http:', 'https:'].includes(url.protocol)) {
    throw new SettingError('must be a URL such as http://collector:4318')
  }
  return `${url.href.replace(/\/+$/, '')}/v1/traces`
}

function parseHeaders(text: string): Readonly<Record<string, string>> {
  const headers = parsePairs(text)
  for (const [name, value] of Object.entries(headers)) {
    if (HEADER_NAME.test(name) && HEADER_VALUE.test(value)) continue
    throw new SettingError('must be names and values of HTTP headers')
  }
  return headers
}

function parsePairs(text: string): Readonly<Record<string, string>> {
  const parts = text.split(',').filter((part) => part.trim() !== '')
  return Object.fromEntries(
    parts.map((part) => {
      const equals = part.indexOf('=')
      const name = part.slice(0, Math.max(equals, 0)).trim()
      if (name === '') throw new SettingError('must be name=value,name=value')
      return [name, decoded(part.slice(equals + 1).trim())]
    }),
  )
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new SettingError('has a broken percent-encoding')
  }
}

function parseRatio(text: string): number {
  const ratio = /^[0-9]*\.?[0-9]+$/.test(text) ? Number(text) : Number.NaN
  if (ratio >= 0 && ratio <= 1) return ratio
  throw new SettingError('must be a number from 0 to 1')
}
