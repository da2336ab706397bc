/** Describes the paths for probes and for metrics, and the one of problems, for the table of endpoints. */
import { ERRORS, type ErrorKind } from '../../core/errors.ts'
import type { Readiness, ReadinessScope } from '../../node/service/service.ts'
import { ADMIN, OPEN } from '../access/access-rule.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { choice, flag } from '../http/parameter.ts'
import { PROBLEM_PATH } from '../http/problem.ts'
import { BOOLEAN, choiceOf, COUNT, listOf, objectOf, TEXT, type Schema } from '../http/schema.ts'

export const GET_LIVE: Endpoint = {
  method: 'GET',
  path: '/livez',
  id: 'getLive',
  tag: 'health',
  access: OPEN,
  summary: 'Tells that the process answers',
  answers: [
    {
      status: 200,
      meaning: 'The process answers.',
      content: { 'application/json': objectOf<{ live: boolean }>('Live', { live: BOOLEAN }) },
    },
  ],
  errors: [],
  example: { target: '/livez' },
}

export const VERBOSE = flag('verbose', 'List every check.')
export const SCOPE = choice(
  'scope',
  ['cluster', 'node'] satisfies ReadinessScope[],
  '`node` leaves out the checks that depend on other nodes, for probes that stop traffic to this one. Default: `cluster`.',
)

const CHECKS: Schema = listOf(
  objectOf<Readiness['checks'][number]>('ReadyCheck', { name: TEXT, ok: BOOLEAN, detail: TEXT }),
)

export const GET_READY: Endpoint = {
  method: 'GET',
  path: '/readyz',
  id: 'getReady',
  tag: 'health',
  access: OPEN,
  summary: 'Tells whether requests would succeed, by a real quorum check',
  query: [VERBOSE, SCOPE],
  answers: [
    {
      status: 200,
      meaning: 'This node has its copies and, unless the scope is `node`, reaches a quorum.',
      content: {
        'application/json': objectOf<Readiness>('Ready', { ready: BOOLEAN, checks: CHECKS }, [
          'checks',
        ]),
      },
    },
  ],
  errors: ['bad_parameter', 'not_ready'],
  problemMembers: { checks: CHECKS },
  example: { target: '/readyz?verbose' },
}

export const GET_METRICS: Endpoint = {
  method: 'GET',
  path: '/metrics',
  id: 'getMetrics',
  tag: 'health',
  // The counts of stored operations tell whether a blind write found the key.
  access: ADMIN,
  summary: 'Shows the metrics of this node, for Prometheus',
  answers: [
    { status: 200, meaning: 'The metrics, in the text format.', content: { 'text/plain': TEXT } },
  ],
  errors: [],
  example: { target: '/metrics' },
}

const CODE = choiceOf(Object.keys(ERRORS))

const KIND = objectOf<ErrorKind & { code: string }>('ErrorKind', {
  code: CODE,
  status: COUNT,
  outcome: choiceOf(['rejected', 'unknown']),
  retryable: BOOLEAN,
  title: TEXT,
})

export const GET_PROBLEM: Endpoint = {
  method: 'GET',
  path: `${PROBLEM_PATH}{code}`,
  id: 'getProblem',
  tag: 'about',
  access: OPEN,
  summary: 'Explains a code of a problem: the `type` of each problem leads here',
  pathParameters: [{ name: 'code', meaning: 'The `code` of a problem.', schema: CODE }],
  answers: [{ status: 200, meaning: 'Its entry.', content: { 'application/json': KIND } }],
  errors: ['path_unknown'],
  example: { target: `${PROBLEM_PATH}quorum_unreachable` },
}
