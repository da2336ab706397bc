/**
 * `/livez` (the process answers), `/readyz` (a real quorum check says that requests would succeed), `/metrics`, and
 * `/problems/{code}`, the address that the `type` of a problem names.
 */
import type { FastifyInstance } from 'fastify'
import { ERRORS, QuorateError, type ErrorCode } from '../../core/errors.ts'
import type { Readiness } from '../../node/service/service.ts'
import type { ApiContext } from '../http/api-context.ts'
import { SharedRead } from './shared-read.ts'
import { PROBLEM_PATH, respondCode } from '../http/problem.ts'
import { flag, parseQuery, queryOfTarget } from '../http/query.ts'
import { respond, respondJson } from '../http/respond.ts'

export function addHealthRoutes(app: FastifyInstance, api: ApiContext): void {
  const readiness = new SharedRead(() => readinessOf(api))

  app.get('/livez', (_request, reply) => {
    respondJson(reply, 200, { live: true })
  })

  app.get('/readyz', async (request, reply) => {
    const query = parseQuery(queryOfTarget(request.originalUrl), ['verbose'])
    const isVerbose = flag(query, 'verbose') ?? false
    const { ready, checks } = await readiness.run()
    const extra = isVerbose ? { checks } : {}
    if (ready) {
      respondJson(reply, 200, { ready, ...extra })
      return
    }
    const failed = checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`)
    respondCode(reply, 'not_ready', `Not ready: ${failed.join('; ')}.`, {}, [], extra)
  })

  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await api.exposeMetrics()
    respond(reply, 200, ['Content-Type', contentType], Buffer.from(text))
  })

  app.get<{ Params: { code: string } }>(`${PROBLEM_PATH}:code`, (request, reply) => {
    const { code } = request.params
    if (!Object.hasOwn(ERRORS, code)) {
      throw new QuorateError('path_unknown', `There is no problem of this name.`)
    }
    respondJson(reply, 200, { code, ...ERRORS[code as ErrorCode] })
  })
}

async function readinessOf(api: ApiContext): Promise<Readiness> {
  if (api.phase() === 'running') return api.service.readiness()
  return {
    ready: false,
    checks: [
      {
        name: 'started',
        ok: false,
        detail: `the node is still starting. ${api.service.startTrouble()}`.trim(),
      },
    ],
  }
}
