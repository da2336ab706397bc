/** `del`: deletes a key. */
import { exitCodes } from '../outcome/exit-code.ts'
import {
  BUCKET_WORD,
  CONSISTENCY_OPTION,
  KEY_WORD,
  openClient,
  STORE_OPTIONS,
} from '../store/store-options.ts'
import { etagOf, writeKey } from '../store/write-key.ts'
import { reportWrite } from '../store/write-report.ts'
import { cliCommand } from './cli-command.ts'

export const DEL = cliCommand(
  'del',
  {
    about: 'Deletes a key. It is no error if there is no value.',
    words: [BUCKET_WORD, KEY_WORD],
    options: {
      ...STORE_OPTIONS,
      consistency: CONSISTENCY_OPTION,
      context: {
        kind: 'text',
        placeholder: 'TOKEN',
        about:
          'Delete only what a read has seen: the context that get --json prints. Later values stay.',
      },
      'if-match': {
        kind: 'text',
        placeholder: 'ETAG',
        without: ['context', 'consistency'],
        about: 'In a bucket of mode strong: delete only if the key still has this ETag.',
      },
    },
    examples: ['del default hello', 'del default hello --json'],
    exitCodes: exitCodes(0, 1, 3, 5, 6, 7, 8, 130),
  },
  async ({ values, words: [bucket = '', key = ''] }, world) => {
    await using client = openClient(values, world)
    const at = { bucket, key }
    const { json: isJson, consistency: level, context, 'if-match': etag } = values
    const write = {
      value: undefined,
      contentType: '',
      level,
      context,
      ttlSeconds: undefined,
      condition: etag === undefined ? undefined : { etag: etagOf(etag) },
    }
    const written = await writeKey(client, at, write, world.stop)
    return reportWrite({ at, command: 'del', isJson }, written, world)
  },
)
