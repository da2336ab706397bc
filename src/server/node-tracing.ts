/** Opens the tracer of a node, if its settings name a collector of spans. */
import { systemClock } from '../adapters/system/system-clock.ts'
import { systemRandom } from '../adapters/system/system-random.ts'
import type { Log } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { Tracer } from '../ports/tracer.ts'
import { programVersion } from './program-version.ts'
import type { Settings } from './settings/settings.ts'

export interface NodeTracing {
  readonly tracer: Tracer
  /** Sends the last spans, for a moment. Idempotent. */
  close(): Promise<void>
}

/** A stop waits so long for the collector. */
const FLUSH_MS_MAX = 1000

/** Resolves with undefined, and loads nothing, if the node traces nothing. */
export async function openTracing(
  { nodeId, tracing }: Settings,
  ports: { metrics: Metrics; log: Log },
): Promise<NodeTracing | undefined> {
  if (tracing === undefined) return undefined
  const { SpanExport } = await import('../adapters/tracing/span-export.ts')
  const { RecordingTracer } = await import('../adapters/tracing/recording-tracer.ts')
  const { collector, serviceName, resource, ratio } = tracing
  ports.log.info({}, `traces go to ${new URL(collector.url).host}, share ${ratio}`)
  const version = programVersion()
  const spans = new SpanExport(ports, collector, {
    resource: {
      ...resource,
      'service.name': serviceName,
      'service.version': version,
      'service.instance.id': nodeId,
    },
    version,
  })
  const tracer = new RecordingTracer({
    clock: systemClock,
    random: systemRandom,
    ratio,
    sink: (span) => spans.take(span),
  })
  return { tracer, close: () => spans.close(FLUSH_MS_MAX) }
}
