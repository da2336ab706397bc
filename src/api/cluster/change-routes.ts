/** `POST /v1/cluster/plan`, `POST /v1/cluster/apply`, `GET /v1/cluster/moves`: changing the members. */
import type { FastifyInstance } from 'fastify'
import type { MemberChange } from '../../core/placement/member-change.ts'
import type { ChangeRequest } from '../../core/placement/change-target.ts'
import type { Topology } from '../../core/placement/topology.ts'
import { changeStatus } from '../../node/moves/change-status.ts'
import type { ApiContext } from '../http/api-context.ts'
import {
  APPLY_CHANGE,
  APPLY_TIMEOUT,
  APPLY_TIMEOUT_MS,
  type ChangeBegun,
  GET_MOVES,
  MOVES_PATH,
  PLAN_CHANGE,
} from './change-endpoints.ts'
import { CHANGE_EXAMPLE, changeOrder, changeRequest } from './change-request.ts'
import { SharedRead } from './shared-read.ts'
import { serve } from '../http/endpoint.ts'
import { jsonBody } from '../http/json-body.ts'
import { timeLeftMs } from '../http/request-deadline.ts'
import { respondJson } from '../http/respond.ts'

export function addChangeRoutes(app: FastifyInstance, api: ApiContext): void {
  const { service } = api
  const moves = new SharedRead(() => service.moves())

  serve(app, PLAN_CHANGE, async (request, reply) => {
    const { members } = service.topology()
    const wanted = changeRequest(jsonBody(request, CHANGE_EXAMPLE), members)
    respondJson(reply, 200, await service.planChange(wanted, timeLeftMs(request, APPLY_TIMEOUT_MS)))
  })

  serve(app, APPLY_CHANGE, async (request, reply, query) => {
    const timeoutMs = timeLeftMs(request, APPLY_TIMEOUT.read(query) ?? APPLY_TIMEOUT_MS)
    const { members } = service.topology()
    const order = changeOrder(jsonBody(request, CHANGE_EXAMPLE), members)
    const topology = await (order.type === 'undo'
      ? service.cancelChange(timeoutMs)
      : service.applyChange(order.request, timeoutMs))
    // If the requested change has already ended, the document no longer holds it, but may hold a later change.
    const isUnderWay =
      order.type === 'change' &&
      topology.change !== undefined &&
      (isChangeOf(topology.change, order.request) || isRemovedLater(topology, order.request))
    const begun: ChangeBegun = {
      epoch: topology.epoch,
      change: isUnderWay ? changeStatus(topology) : null,
      lost: topology.lost ?? [],
      moves: MOVES_PATH,
    }
    respondJson(reply, isUnderWay ? 202 : 200, begun)
  })

  serve(app, GET_MOVES, async (_request, reply) => {
    respondJson(reply, 200, await moves.run())
  })
}

/** Whether the removal of a lost member begins after the change under way. */
function isRemovedLater({ lost }: Topology, request: ChangeRequest): boolean {
  return request.kind === 'remove' && lost?.includes(request.node) === true
}

/** Whether the change is the requested one. Another client may have requested it first. */
function isChangeOf({ joining, leaving }: MemberChange, request: ChangeRequest): boolean {
  switch (request.kind) {
    case 'join':
      return joining === request.member.id
    case 'leave':
    case 'remove':
      return leaving === request.node
    case 'replace':
      return leaving === request.old
    default:
      return request satisfies never
  }
}
