/** `siblings`: the values that concurrent writes left side by side, and how to make one of them. */
import type { Entry } from '../../client/quorate.ts'
import { EXIT, exitCodes } from '../outcome/exit-code.ts'
import { type Bytes, entryJson, type KeyName, nameOf, readKey, wordsOf } from '../store/key.ts'
import {
  BUCKET_WORD,
  CONSISTENCY_OPTION,
  KEY_WORD,
  openClient,
  STORE_OPTIONS,
} from '../store/store-options.ts'
import { tableLines } from '../../terminal/table.ts'
import { isPrintable, visible } from '../../terminal/terminal-text.ts'
import { type Sink, writeJson, writeLines } from '../../terminal/sink.ts'
import { CALL, cliCommand } from './cli-command.ts'

/** More of a value does not fit on a line. */
const PREVIEW_BYTES = 200

export const SIBLINGS = cliCommand(
  'siblings',
  {
    about: 'Lists the values of a key. There are several if writes were concurrent.',
    words: [BUCKET_WORD, KEY_WORD],
    options: { ...STORE_OPTIONS, consistency: CONSISTENCY_OPTION },
    examples: ['siblings default fruit', 'siblings default fruit --json'],
    exitCodes: exitCodes(0, 1, 3, 6, 8, 130),
  },
  async ({ values, words: [bucket = '', key = ''] }, world) => {
    await using client = openClient(values, world)
    const at = { bucket, key }
    const entry = await readKey(client, at, values.consistency, world.stop)
    if (values.json) await writeJson(world.out, entryJson(at, entry))
    else if (entry.siblings.length > 0) {
      await writeLines(world.out, siblingLines(at, entry, world.out))
    }
    if (entry.siblings.length > 0) return EXIT.ok
    await writeLines(world.err, [`quorate siblings: ${visible(nameOf(at))} does not exist`])
    return EXIT.notFound
  },
)

/** A table of the values, oldest first, and what to do if there are several. */
export function siblingLines(at: KeyName, { siblings }: Entry<Bytes>, sink: Sink): string[] {
  const rows = siblings.map(({ id, node, time, contentType, value }) => [
    id ?? '-',
    node ?? '-',
    time?.toISOString() ?? '-',
    value.byteLength,
    contentType,
    previewOf(value),
  ])
  const head = ['id', 'node', 'time', 'bytes', 'type', 'value']
  const name = visible(nameOf(at))
  if (siblings.length <= 1) return [`${name} has one value`, ...tableLines({ head, rows }, sink)]
  const words = wordsOf(at)
  return [
    `${name} has ${siblings.length} siblings, because writes were concurrent`,
    ...tableLines({ head, rows }, sink),
    `Keep one of them:  ${CALL} resolve --pick ID ${words}`,
    `Write a new value: ${CALL} resolve --file FILE ${words}`,
  ]
}

function previewOf(value: Bytes): string {
  const beginning = value.subarray(0, PREVIEW_BYTES)
  if (!isPrintable(value))
    return `(binary) ${Buffer.from(beginning.subarray(0, 16)).toString('hex')}`
  // Without the character that may be cut at the end.
  return Buffer.from(beginning)
    .toString('utf8')
    .replace(/\uFFFD$/, '')
}
