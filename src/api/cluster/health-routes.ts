/**
 * `/livez` (the process answers), `/readyz` (a real quorum check says that requests would succeed), `/metrics`, and
 * `/problems/{code}`, the address that the `type` of a problem names.
 */
import type { FastifyInstance } from 'fastify'
import { ERRORS, QuorateError, type ErrorCode } from '../../core/errors.ts'
import type { Readiness, ReadinessScope } from '../../node/service/service.ts'
import type { ApiContext } from '../http/api-context.ts'
import {
  GET_LIVE,
  GET_METRICS,
  GET_PROBLEM,
  GET_READY,
  SCOPE,
  VERBOSE,
} from './health-endpoints.ts'
import { SharedRead } from './shared-read.ts'
import { serve } from '../http/endpoint.ts'
import { respondCode } from '../http/problem.ts'
import { respond, respondJson } from '../http/respond.ts'

export function addHealthRoutes(app: FastifyInstance, api: ApiContext): void {
  const readiness = {
    cluster: new SharedRead(() => readinessOf(api, 'cluster')),
    node: new SharedRead(() => readinessOf(api, 'node')),
  }

  serve(app, GET_LIVE, (_request, reply) => {
    respondJson(reply, 200, { live: true })
  })

  serve(app, GET_READY, async (_request, reply, query) => {
    const isVerbose = VERBOSE.read(query) ?? false
    const { ready, checks } = await readiness[SCOPE.read(query) ?? 'cluster'].run()
    const extra = isVerbose ? { checks } : {}
    if (ready) {
      respondJson(reply, 200, { ready, ...extra })
      return
    }
    const failed = checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`)
    respondCode(reply, 'not_ready', `Not ready: ${failed.join('; ')}.`, {}, [], extra)
  })

  serve(app, GET_METRICS, async (_request, reply) => {
    const { contentType, text } = await api.exposeMetrics()
    respond(reply, 200, ['Content-Type', contentType], Buffer.from(text))
  })

  serve(app, GET_PROBLEM, (request, reply) => {
    const code = request.params['code'] ?? ''
    if (!Object.hasOwn(ERRORS, code)) {
      throw new QuorateError('path_unknown', `There is no problem of this name.`)
    }
    respondJson(reply, 200, { code, ...ERRORS[code as ErrorCode] })
  })
}

async function readinessOf(api: ApiContext, scope: ReadinessScope): Promise<Readiness> {
  if (api.phase() !== 'running') return notRunning(api)
  const readiness = await api.service.readiness(scope)
  // A node that began to stop meanwhile is not ready any more.
  return api.phase() === 'running' ? readiness : notRunning(api)
}

function notRunning({ phase, service }: ApiContext): Readiness {
  const isStarting = phase() === 'starting'
  const detail = isStarting
    ? `the node is still starting. ${service.startTrouble()}`.trim()
    : 'the node is stopping'
  const name = isStarting ? 'started' : 'stays'
  return { ready: false, checks: [{ name, ok: false, detail }] }
}
