/** The settings of tracing, which have the names of OpenTelemetry: what they mean together, and what is refused. */
import { expect, test } from 'vitest'
import { parseSettings } from '../../../src/server/settings/settings.ts'
import type { TraceSettings } from '../../../src/server/settings/trace-settings.ts'

const BASE = {
  QUORATE_NODE_ID: 'n1',
  QUORATE_MEMBERS: 'n1=http://n1:7080',
  QUORATE_DATA_DIR: '/data',
}

function tracingOf(env: Record<string, string>): TraceSettings | undefined {
  const parsed = parseSettings({ ...BASE, ...env })
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.settings.tracing
}

test('settings of tracing: nothing is traced without an endpoint, whatever else is set for OpenTelemetry', () => {
  const env = { OTEL_TRACES_SAMPLER_ARG: 'endpoint=x', OTEL_EXPORTER_OTLP_HEADERS: '=' }
  expect(tracingOf(env)).toBeUndefined()
  expect(tracingOf({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBeUndefined()
})

test('settings of tracing: an endpoint alone traces every request', () => {
  expect(tracingOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' })).toEqual({
    collector: { url: 'http://collector:4318/v1/traces', headers: {} },
    serviceName: 'quorate',
    resource: {},
    ratio: 1,
  })
})

test.each([
  ['OTEL_SDK_DISABLED', 'TRUE'],
  ['OTEL_TRACES_EXPORTER', 'none'],
  ['OTEL_TRACES_SAMPLER', 'always_off'],
])(
  'settings of tracing: with %s=%s nothing is traced, and no other variable is read',
  (name, text) => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'x', OTEL_TRACES_SAMPLER_ARG: 'x', [name]: text }
    expect(tracingOf(env)).toBeUndefined()
  },
)

test.each([
  ['', '0.25', 0.25],
  ['traceidratio', '0.25', 0.25],
  ['parentbased_traceidratio', '', 1],
  ['always_on', '0.25', 1],
  ['parentbased_always_off', '', 0],
  ['jaeger_remote', 'endpoint=http://sampler', 1],
])(
  'settings of tracing: the sampler %j with the argument %j traces the share %d',
  (sampler, arg, ratio) => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: arg,
    }
    expect(tracingOf(env)?.ratio).toBe(ratio)
  },
)

test.each([
  ['', 'service.name=a', 'a'],
  ['b', 'service.name=a', 'b'],
  ['', 'service.name=', 'quorate'],
])(
  'settings of tracing: the service %j with the attributes %j is %s',
  (name, attributes, serviceName) => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
      OTEL_SERVICE_NAME: name,
      OTEL_RESOURCE_ATTRIBUTES: attributes,
    }
    expect(tracingOf(env)).toMatchObject({ serviceName })
  },
)

test('settings of tracing: the variables of OpenTelemetry', () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://traces.example/otlp/',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20dTpw==, x-scope=a',
    OTEL_SERVICE_NAME: 'carts',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,k8s.pod.name=q-0',
    OTEL_TRACES_SAMPLER_ARG: '.25',
  }
  expect(tracingOf(env)).toEqual({
    collector: {
      url: 'https://traces.example/otlp/v1/traces',
      headers: { authorization: 'Basic dTpw==', 'x-scope': 'a' },
    },
    serviceName: 'carts',
    resource: { 'deployment.environment.name': 'test', 'k8s.pod.name': 'q-0' },
    ratio: 0.25,
  })
})

test.each([
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://user:secret@collector:4318'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://collector:4318?secret'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'secret'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a b=secret'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%0asecret'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a=secret%'],
  ['OTEL_RESOURCE_ATTRIBUTES', '=secret'],
  ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
  ['OTEL_TRACES_SAMPLER_ARG', '-1'],
  ['OTEL_TRACES_SAMPLER_ARG', 'all'],
])(
  'settings of tracing: %s=%s ends the start, and the line does not repeat the text',
  (name, text) => {
    const parsed = parseSettings({
      ...BASE,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
      [name]: text,
    })
    const problem = parsed.ok ? '' : parsed.problem
    expect(problem).toContain(`${name}: `)
    expect(problem).not.toContain('secret')
  },
)
