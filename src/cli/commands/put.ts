/** `put`: writes a value from the command line or from standard input. */
import { UsageError } from '../../command-line/usage-error.ts'
import { exitCodes } from '../outcome/exit-code.ts'
import { typeOf } from '../store/key.ts'
import {
  BUCKET_WORD,
  CONSISTENCY_OPTION,
  KEY_WORD,
  openClient,
  STORE_OPTIONS,
} from '../store/store-options.ts'
import { type Condition, etagOf, writeKey } from '../store/write-key.ts'
import { reportWrite } from '../store/write-report.ts'
import type { World } from '../world.ts'
import { cliCommand } from './cli-command.ts'

const STANDARD_INPUT = '-'
const TTL_MS_MAX = 315_360_000_000

export const PUT = cliCommand(
  'put',
  {
    about: 'Writes a value. If VALUE is -, the value is read from standard input, byte for byte.',
    words: [BUCKET_WORD, KEY_WORD, { name: 'VALUE|-' }],
    options: {
      ...STORE_OPTIONS,
      consistency: CONSISTENCY_OPTION,
      context: {
        kind: 'text',
        placeholder: 'TOKEN',
        about:
          'Replace what a read has seen: the context that get --json prints. Without it, the write replaces every ' +
          'value that it finds.',
      },
      'if-match': {
        kind: 'text',
        placeholder: 'ETAG',
        without: ['if-absent', 'context', 'consistency'],
        about: 'In a bucket of mode strong: write only if the key still has this ETag.',
      },
      'if-absent': {
        kind: 'flag',
        without: ['context', 'consistency'],
        about: 'In a bucket of mode strong: write only if the key does not exist.',
      },
      ttl: {
        kind: 'duration',
        isInSeconds: true,
        max: TTL_MS_MAX,
        otherwise: 'the age of the bucket, or none',
        about: 'After this time the value expires.',
      },
      type: {
        kind: 'text',
        placeholder: 'TYPE',
        pattern: /^[\x21-\x7e][\x20-\x7e]{0,254}$/,
        expected: 'a media type such as image/png',
        otherwise: 'text/plain; charset=utf-8 for UTF-8, else application/octet-stream',
        about: 'The Content-Type that is stored with the value.',
      },
    },
    examples: [
      'put default hello world',
      'put default photo.png - --type image/png < photo.png',
      'put strong seat-12a ada --if-absent',
    ],
    exitCodes: exitCodes(0, 1, 3, 4, 5, 6, 7, 8, 130),
  },
  async ({ values, words: [bucket = '', key = '', text = ''] }, world) => {
    await using client = openClient(values, world)
    const at = { bucket, key }
    const value = await valueOf(text, world)
    const { json: isJson, consistency: level, context, type, ttl } = values
    const write = {
      value,
      contentType: type ?? typeOf(value),
      level,
      context,
      ttlSeconds: ttl === undefined ? undefined : ttl / 1000,
      condition: conditionOf(values['if-match'], values['if-absent']),
    }
    const written = await writeKey(client, at, write, world.stop)
    return reportWrite({ at, command: 'put', isJson }, written, world)
  },
)

/** Node.js puts U+FFFD in the place of bytes that are not UTF-8, and the store would keep that. Throws UsageError. */
async function valueOf(text: string, world: World): Promise<Uint8Array<ArrayBuffer>> {
  if (text === STANDARD_INPUT) return new Uint8Array(await world.readInput())
  if (!text.includes('\uFFFD')) return new TextEncoder().encode(text)
  throw new UsageError('VALUE is not UTF-8, or holds U+FFFD: pass it on standard input, as VALUE -')
}

function conditionOf(etag: string | undefined, isAbsent: boolean): Condition | undefined {
  if (etag !== undefined) return { etag: etagOf(etag) }
  return isAbsent ? 'absent' : undefined
}
