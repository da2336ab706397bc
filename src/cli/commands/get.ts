/** `get`: the bytes of a value and nothing else, so that a shell can pipe them. */
import type { Entry } from '../../client/quorate.ts'
import { EXIT, exitCodes } from '../outcome/exit-code.ts'
import {
  type Bytes,
  entryJson,
  type KeyName,
  nameOf,
  readKey,
  readSibling,
  wordsOf,
} from '../store/key.ts'
import {
  BUCKET_WORD,
  CONSISTENCY_OPTION,
  KEY_WORD,
  openClient,
  openSender,
  STORE_OPTIONS,
} from '../store/store-options.ts'
import { isPrintable, visible } from '../../terminal/terminal-text.ts'
import { writeJson, writeLines } from '../../terminal/sink.ts'
import type { World } from '../world.ts'
import { CALL, cliCommand } from './cli-command.ts'
import { siblingLines } from './siblings.ts'

export const GET = cliCommand(
  'get',
  {
    about:
      'Writes the value of a key to standard output, byte for byte. On a terminal it ends with a new line, and a ' +
      'binary value is refused.',
    words: [BUCKET_WORD, KEY_WORD],
    options: {
      ...STORE_OPTIONS,
      consistency: CONSISTENCY_OPTION,
      sibling: {
        kind: 'text',
        placeholder: 'ID',
        about: 'Write the sibling with this id, which the command siblings lists.',
      },
    },
    examples: [
      'get default hello',
      'get default photo.png > photo.png',
      'get default cart --json --consistency eventual',
    ],
    exitCodes: exitCodes(0, 1, 3, 4, 6, 8, 130),
  },
  async ({ values, words: [bucket = '', key = ''] }, world) => {
    await using client = openClient(values, world)
    const at = { bucket, key }
    const { sibling: id, consistency: level } = values
    const entry = await readKey(client, at, level, world.stop)
    const alone =
      id !== undefined && entry.siblings.length === 1
        ? await readSibling(openSender(values, world), at, id, level, world.stop)
        : undefined
    const chosen = alone ?? (id === undefined ? entry : withOnly(id, entry))
    if (values.json) await writeJson(world.out, entryJson(at, chosen))
    const [value, second] = chosen.siblings.map((sibling) => sibling.value)
    if (value === undefined) return refuseAbsent(at, entry, id, world)
    if (second !== undefined) {
      if (!values.json) await writeLines(world.err, siblingLines(at, entry, world.err))
      return EXIT.siblings
    }
    return values.json ? EXIT.ok : writeValue(at, value, world)
  },
)

function withOnly(id: string, entry: Entry<Bytes>): Entry<Bytes> {
  return { ...entry, siblings: entry.siblings.filter((sibling) => sibling.id === id) }
}

async function refuseAbsent(
  at: KeyName,
  { siblings }: Entry<Bytes>,
  id: string | undefined,
  { err }: World,
): Promise<number> {
  const name = visible(nameOf(at))
  const told =
    id === undefined || siblings.length === 0
      ? `quorate get: ${name} does not exist`
      : `quorate get: ${name} has no sibling ${visible(id)}; ${CALL} siblings ${wordsOf(at)} lists them`
  await writeLines(err, [told])
  return EXIT.notFound
}

async function writeValue(at: KeyName, value: Bytes, { out, err }: World): Promise<number> {
  if (!out.isTerminal) {
    await out.write(value)
    return EXIT.ok
  }
  if (!isPrintable(value)) {
    await writeLines(err, [
      `quorate get: ${visible(nameOf(at))} is binary (${value.byteLength} bytes), which may upset the terminal`,
      `Write it to a file: ${CALL} get ${wordsOf(at)} > FILE`,
    ])
    return EXIT.error
  }
  await out.write(value)
  if (value.at(-1) !== '\n'.codePointAt(0)) await out.write('\n')
  return EXIT.ok
}
