/** `resolve`: one write in the place of all siblings of a key. */
import type { Entry, Sibling } from '../../client/quorate.ts'
import { UsageError } from '../../command-line/usage-error.ts'
import { EXIT, exitCodes } from '../outcome/exit-code.ts'
import {
  type Bytes,
  type KeyName,
  nameOf,
  readKey,
  readSibling,
  typeOf,
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
import { writeKey } from '../store/write-key.ts'
import { reportWrite } from '../store/write-report.ts'
import { visible } from '../../terminal/terminal-text.ts'
import { writeLines } from '../../terminal/sink.ts'
import type { World } from '../world.ts'
import { CALL, cliCommand } from './cli-command.ts'

const STANDARD_INPUT = '-'

export const RESOLVE = cliCommand(
  'resolve',
  {
    about:
      'Replaces the siblings of a key with one value: with one of them, or with the content of a file. A value that ' +
      'is written at the same time stays beside it.',
    words: [BUCKET_WORD, KEY_WORD],
    options: {
      ...STORE_OPTIONS,
      consistency: CONSISTENCY_OPTION,
      pick: {
        kind: 'text',
        placeholder: 'ID',
        without: ['file'],
        about: 'Keep the sibling with this id, which the command siblings lists.',
      },
      file: {
        kind: 'text',
        placeholder: 'FILE',
        about: 'Write the content of this file, or of standard input if FILE is -.',
      },
    },
    examples: [
      'resolve default fruit --pick n1.1k2m3.0f4x2q',
      'resolve default fruit --file merged.txt',
    ],
    exitCodes: exitCodes(0, 1, 3, 4, 6, 7, 8, 130),
  },
  async ({ values, words: [bucket = '', key = ''] }, world) => {
    const { pick, file, json: isJson, consistency: level } = values
    if (pick === undefined && file === undefined) {
      throw new UsageError('needs --pick ID or --file FILE')
    }
    await using client = openClient(values, world)
    const at = { bucket, key }
    const entry = await readKey(client, at, level, world.stop)
    const chosen =
      pick === undefined ? await contentOf(file ?? '', entry, world) : pickOf(pick, entry)
    if (chosen === undefined) {
      const id = pick ?? ''
      if (entry.siblings.length !== 1) return refuse(at, entry, id, world)
      const sender = openSender(values, world)
      const picked = await readSibling(sender, at, id, level, world.stop)
      return reportSingle(at, id, picked !== undefined, world)
    }
    const write = {
      ...chosen,
      level,
      context: entry.context,
      ttlSeconds: undefined,
      condition: undefined,
    }
    const written = await writeKey(client, at, write, world.stop)
    return reportWrite({ at, command: 'resolve', isJson }, written, world)
  },
)

type Chosen = Pick<Sibling<Bytes>, 'value' | 'contentType'>

function pickOf(id: string, { siblings }: Entry<Bytes>): Chosen | undefined {
  const found = siblings.find((sibling) => sibling.id === id)
  return found && { value: found.value, contentType: found.contentType }
}

/** The type of the siblings if they have the same one. Throws UsageError if the file cannot be read. */
async function contentOf(file: string, { siblings }: Entry<Bytes>, world: World): Promise<Chosen> {
  const read = file === STANDARD_INPUT ? world.readInput() : readNamed(file, world)
  const value = new Uint8Array(await read)
  const types = [...new Set(siblings.map(({ contentType }) => contentType))]
  const [type] = types
  return { value, contentType: type !== undefined && types.length === 1 ? type : typeOf(value) }
}

async function readNamed(file: string, { readFile }: World): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new UsageError(`--file ${file}: ${(error as Error).message}`, { cause: error })
  }
}

async function refuse(
  at: KeyName,
  { siblings }: Entry<Bytes>,
  id: string,
  { err }: World,
): Promise<number> {
  const name = visible(nameOf(at))
  const told =
    siblings.length === 0
      ? `${name} does not exist`
      : `${name} has no sibling ${visible(id)}; ${CALL} siblings ${wordsOf(at)} lists them`
  await writeLines(err, [`quorate resolve: ${told}`])
  return EXIT.notFound
}

/** The key has a single value, so nothing is written. */
async function reportSingle(
  at: KeyName,
  id: string,
  isPicked: boolean,
  { err }: World,
): Promise<number> {
  const is = isPicked ? 'which is' : 'and it is not'
  await writeLines(err, [
    `quorate resolve: ${visible(nameOf(at))} has one value, ${is} the sibling ${visible(id)}, so there is nothing to resolve`,
  ])
  return isPicked ? EXIT.ok : EXIT.notFound
}
