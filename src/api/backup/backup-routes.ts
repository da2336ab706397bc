/**
 * `GET /v1/backup` sends a backup at the pace of its reader.
 *
 * Invariant: only a backup with all its keys ends with an end mark. If a key cannot be read, the stream ends with a
 * failure in its place, and the connection is closed before the end of the answer.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ServerResponse } from 'node:http'
import { BackupWriter } from '../../core/backup/backup-writer.ts'
import { QuorateError } from '../../core/errors.ts'
import type { BackupStream } from '../../node/service/backup.ts'
import { knownBucket } from '../buckets/bucket-routes.ts'
import type { ApiContext } from '../http/api-context.ts'
import { serve } from '../http/endpoint.ts'
import { timeLeftMs } from '../http/request-deadline.ts'
import { boundStall, drainedInTime, isGone } from '../http/response-end.ts'
import {
  BACKUP_AT,
  BACKUP_BUCKETS,
  BACKUP_COVERS,
  BACKUP_TIMEOUT,
  BACKUP_TIMEOUT_MS,
  BACKUP_TYPE,
  GET_BACKUP,
} from './backup-endpoints.ts'

/** Few at once, because each one reads all data of the cluster. */
const BACKUPS_MAX = 2

export function addBackupRoutes(app: FastifyInstance, api: ApiContext): void {
  let running = 0
  serve(app, GET_BACKUP, async (request, reply, query) => {
    const buckets = BACKUP_BUCKETS.read(query)
    for (const bucket of buckets ?? []) knownBucket(api, bucket)
    const atSeconds = BACKUP_AT.read(query)
    const covers = BACKUP_COVERS.read(query) ?? 'all'
    const timeoutMs = timeLeftMs(request, BACKUP_TIMEOUT.read(query) ?? BACKUP_TIMEOUT_MS)
    if (running >= BACKUPS_MAX) {
      throw new QuorateError('overloaded', `${BACKUPS_MAX} backups are being made here`, {
        retryAfterSeconds: 10,
      })
    }
    running++
    try {
      const atMs = atSeconds === undefined ? undefined : atSeconds * 1000
      const isGivenUp = (): boolean => isGone(reply.raw)
      const stream = await api.service.backup({ buckets, covers, atMs, timeoutMs, isGivenUp })
      // Send the status only now: if the cut is not reached, the answer is a problem with its own status.
      try {
        await sendBackup(api, reply, stream)
      } finally {
        stream.close()
      }
    } finally {
      running--
    }
  })
}

async function sendBackup(
  api: ApiContext,
  reply: FastifyReply,
  { header, entries }: BackupStream,
): Promise<void> {
  const { raw } = reply
  const requestId = reply.request.id
  raw.writeHead(200, ['Content-Type', BACKUP_TYPE, 'X-Request-Id', requestId])
  reply.hijack()
  if (raw.req.method === 'HEAD') {
    raw.end()
    return
  }
  const writer = new BackupWriter()
  try {
    for (const bytes of writer.begin(header)) await send(raw, bytes)
    for await (const entry of entries) {
      await send(raw, writer.entry(entry))
      if (isGone(raw)) return
      if (api.gate?.isStillLetIn(raw.req) === false)
        throw new Error('its token is not valid any more')
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    api.log.warn({ requestId, reason }, 'a backup was not finished')
    // The status is sent already. So close the connection, too, for clients that only look whether the answer ended.
    boundStall(raw)
    raw.write(writer.fail(reason), () => raw.destroy())
    return
  }
  api.log.info({ requestId, ...writer.totals }, 'a backup was made')
  boundStall(raw)
  raw.end(writer.end())
}

/** Waits for a slow reader. A reader that takes nothing for a while loses its connection. */
async function send(raw: ServerResponse, bytes: Uint8Array): Promise<void> {
  if (!raw.write(bytes)) await drainedInTime(raw)
}
