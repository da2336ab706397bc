/** Describes the stream of live events for the table of endpoints. */
import { ADMIN } from '../access/access-rule.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { EVENT_STREAM_TYPE, HEARTBEAT_SECONDS } from '../http/event-stream.ts'
import { TEXT } from '../http/schema.ts'

export const GET_EVENTS: Endpoint = {
  method: 'GET',
  path: '/v1/events',
  id: 'watchCluster',
  tag: 'cluster',
  access: ADMIN,
  summary: 'Tells the state of the cluster, and what this node does, as they change',
  description:
    'Server-Sent Events, each with a name and one line of JSON: `status` (as `GET /v1/cluster`), `moves` (as ' +
    '`GET /v1/cluster/moves`), `requests` and `repairs` (totals since the start of the node). Each comes once at the ' +
    `beginning, and then within a second after a change. \`heartbeat\` comes every ${HEARTBEAT_SECONDS} s. There are no ` +
    'positions: after a new connection the newest state comes first.',
  query: [],
  answers: [
    {
      status: 200,
      meaning: 'A stream of events without an end.',
      content: { [EVENT_STREAM_TYPE]: TEXT },
    },
  ],
  errors: ['bad_parameter', 'not_ready'],
  example: { target: '/v1/events' },
}
