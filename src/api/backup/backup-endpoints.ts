/** Describes the path of backups for the table of endpoints. */
import type { Coverage } from '../../core/backup/backup-parts.ts'
import { ADMIN } from '../access/access-rule.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { checkBucketName } from '../http/kv-path.ts'
import { choice, type Parameter, wholeNumber } from '../http/parameter.ts'
import { timeoutParameter } from '../http/request-deadline.ts'
import { patternOf, type Schema } from '../http/schema.ts'

/** Long enough for a member that restarts, or whose copies are being refilled. */
export const BACKUP_TIMEOUT_MS = 60_000
export const BACKUP_TYPE = 'application/octet-stream'
const SECONDS_MAX = 9_999_999_999

export const BACKUP_BUCKETS: Parameter<readonly string[]> = {
  name: 'bucket',
  meaning: 'Only these buckets, separated by commas; by default all.',
  schema: patternOf(/^[a-z0-9][a-z0-9._-]{0,62}(?:,[a-z0-9][a-z0-9._-]{0,62})*$/),
  read: (query) => query.get('bucket')?.split(',').map(checkBucketName),
}
export const BACKUP_AT = wholeNumber(
  'at',
  0,
  SECONDS_MAX,
  'Seconds since 1970: the backup has every write acknowledged before that time; by default, before the request. A ' +
    'time in the past brings back no older states: the backup has the state of now. But it can then be made without a ' +
    'member that is away, once the other owners hold all those writes.',
)
export const BACKUP_COVERS = choice<Coverage>(
  'covers',
  ['all', 'quorum'],
  '`all`, the default: every acknowledged write, for which every member must be in reach. `quorum`: for certain only ' +
    'the writes that a majority of the owners acknowledged.',
)
export const BACKUP_TIMEOUT = timeoutParameter(BACKUP_TIMEOUT_MS)

const FILE: Schema = { description: 'A backup file.' }

export const GET_BACKUP: Endpoint = {
  method: 'GET',
  path: '/v1/backup',
  id: 'getBackup',
  tag: 'cluster',
  access: ADMIN,
  summary: 'Streams a backup of all buckets, or of some',
  description:
    'The backup has the state of all keys at one instant: one consistent cut. The first byte comes once every member has ' +
    'taken a snapshot for it, usually within a second. Keep the file only if it ends with the end mark; a stream that ' +
    'fails later ends without one, for example because a member has restarted. `timeout` bounds the wait for the first ' +
    'byte alone.',
  query: [BACKUP_BUCKETS, BACKUP_AT, BACKUP_COVERS, BACKUP_TIMEOUT],
  answers: [
    {
      status: 200,
      meaning: 'The backup, as a stream. It is whole only if it ends with its end mark.',
      content: { [BACKUP_TYPE]: FILE },
    },
  ],
  errors: [
    'bad_parameter',
    'bad_bucket',
    'bucket_unknown',
    'not_ready',
    'not_a_member',
    'quorum_unreachable',
    'deadline_passed',
  ],
  example: { target: '/v1/backup?bucket=default&covers=quorum' },
}
