/**
 * The table of endpoints: everything that this server answers. The document of the interface, the page for people and
 * the tables of the README are written from it, and the server refuses to start with a route that is not in it.
 */
import { GET_BACKUP } from './backup/backup-endpoints.ts'
import { RUN_BATCH } from './batch/batch-endpoint.ts'
import {
  DELETE_BUCKET,
  GET_BUCKET,
  LIST_BUCKETS,
  LIST_KEYS,
  PUT_BUCKET,
} from './buckets/bucket-endpoints.ts'
import { APPLY_CHANGE, GET_MOVES, PLAN_CHANGE } from './cluster/change-endpoints.ts'
import { GET_CLUSTER, GET_CONVERGENCE, GET_RING, SYNC_HINTS } from './cluster/cluster-endpoints.ts'
import { GET_LIVE, GET_METRICS, GET_PROBLEM, GET_READY } from './cluster/health-endpoints.ts'
import { GET_DOCS, GET_HOME, GET_OPENAPI } from './document/document-endpoints.ts'
import { GET_EVENTS } from './events/event-endpoint.ts'
import { CREATE_TOKEN, LIST_TOKENS, REVOKE_TOKEN } from './gate/token-endpoints.ts'
import type { Endpoint } from './http/endpoint.ts'
import { GET_LAB, GET_LAB_FILE, GET_LAB_PATH } from './lab/lab-endpoints.ts'
import { KV_ENDPOINTS } from './values/kv-endpoints.ts'
import { WATCH_BUCKET } from './watch/watch-endpoints.ts'

export const ENDPOINTS: readonly Endpoint[] = [
  ...KV_ENDPOINTS,
  RUN_BATCH,
  LIST_KEYS,
  WATCH_BUCKET,
  PUT_BUCKET,
  LIST_BUCKETS,
  GET_BUCKET,
  DELETE_BUCKET,
  CREATE_TOKEN,
  LIST_TOKENS,
  REVOKE_TOKEN,
  GET_CLUSTER,
  GET_RING,
  GET_CONVERGENCE,
  SYNC_HINTS,
  PLAN_CHANGE,
  APPLY_CHANGE,
  GET_MOVES,
  GET_EVENTS,
  GET_BACKUP,
  GET_LIVE,
  GET_READY,
  GET_METRICS,
  GET_HOME,
  GET_DOCS,
  GET_OPENAPI,
  GET_LAB,
  GET_LAB_PATH,
  GET_LAB_FILE,
  GET_PROBLEM,
]
