/** `list`: the keys of a bucket, page by page, so that a bucket of any size can be listed. */
import { RequestError } from '../../client/quorate.ts'
import { EXIT, exitCodes } from '../outcome/exit-code.ts'
import { BUCKET_WORD, openClient, STORE_OPTIONS } from '../store/store-options.ts'
import { ABOUT_ESCAPED, escaped, visible } from '../../terminal/terminal-text.ts'
import { writeJson, writeLines } from '../../terminal/sink.ts'
import type { World } from '../world.ts'
import { cliCommand } from './cli-command.ts'

const LIMIT_MAX = 1_000_000_000
const PAGE_SIZE = 1000
/** Lines that are written at a time. */
const BATCH_LINES = 256
const BYTES_COLUMNS = 9
const SIBLINGS_COLUMNS = 8

export const LIST = cliCommand(
  'list',
  {
    about:
      'Lists the keys of a bucket in the order of their bytes: as a table on a terminal, otherwise one key a line. ' +
      ABOUT_ESCAPED,
    words: [BUCKET_WORD],
    options: {
      ...STORE_OPTIONS,
      prefix: {
        kind: 'text',
        placeholder: 'P',
        about: 'List only keys that begin with this text.',
      },
      after: {
        kind: 'text',
        placeholder: 'KEY',
        about: 'Begin behind this key, which need not exist.',
      },
      limit: {
        kind: 'number',
        min: 1,
        max: LIMIT_MAX,
        otherwise: 'all of them',
        about: 'How many keys to list.',
      },
      conflicted: { kind: 'flag', about: 'List only keys with siblings.' },
      partial: {
        kind: 'flag',
        about:
          'List what is in reach. Otherwise the command fails with code 6 if a cut hides some of the keys.',
      },
    },
    examples: ['list default --prefix user/', 'list default --conflicted --json'],
    exitCodes: exitCodes(0, 1, 3, 6, 8, 130),
  },
  async ({ values, words: [bucket = ''] }, world) => {
    const { prefix, after, limit = Infinity, conflicted, partial } = values
    await using client = openClient(values, world)
    const keys = client.bucket(bucket).keys({
      prefix,
      after,
      partial,
      conflicted: conflicted || undefined,
      pageSize: Math.min(limit, PAGE_SIZE),
      signal: world.stop,
    })
    const lines = new Lines(values.json, world)
    let count = 0
    try {
      for await (const listed of keys) {
        await lines.add(listed)
        count++
        if (count >= limit) break
      }
    } catch (error) {
      await lines.flush()
      if (!isCut(error)) throw error
      await writeLines(world.err, [
        'quorate list: a cut hides some of the keys, so the list would not be complete',
        'code quorum_unreachable, outcome rejected: nothing was applied',
        'Try again later, ask another node with --endpoints, or list what is in reach with --partial.',
      ])
      return EXIT.rejected
    }
    await lines.flush()
    const missing = [...keys.missingPartitions]
    if (values.json && partial) {
      await writeJson(world.out, { complete: missing.length === 0, missingPartitions: missing })
    } else if (missing.length > 0) {
      await writeLines(world.err, [
        `quorate list: ${missing.length} data partitions are out of reach, so keys may be missing`,
      ])
    }
    if (world.out.isTerminal && !values.json) await writeLines(world.err, [countWords(count)])
    return EXIT.ok
  },
)

interface Listed {
  readonly key: string
  readonly size: number
  readonly siblings: number
  readonly etag: string
}

/** Writes many lines at a time. */
class Lines {
  readonly #isJson: boolean
  readonly #world: World
  #waiting: string[] = []
  #hasHead: boolean

  constructor(isJson: boolean, world: World) {
    this.#isJson = isJson
    this.#world = world
    this.#hasHead = isJson || !world.out.isTerminal
  }

  async add(listed: Listed): Promise<void> {
    if (!this.#hasHead) this.#waiting.push(rowOf('bytes', 'siblings', 'key'))
    this.#hasHead = true
    this.#waiting.push(this.#lineOf(listed))
    if (this.#waiting.length >= BATCH_LINES) await this.flush()
  }

  async flush(): Promise<void> {
    const lines = this.#waiting
    this.#waiting = []
    await writeLines(this.#world.out, lines)
  }

  #lineOf({ key, size, siblings, etag }: Listed): string {
    if (this.#isJson) return JSON.stringify({ key, size, siblings, etag })
    if (!this.#world.out.isTerminal) return escaped(key)
    return rowOf(String(size), String(siblings), visible(key))
  }
}

function rowOf(bytes: string, siblings: string, key: string): string {
  return `${bytes.padStart(BYTES_COLUMNS)}  ${siblings.padStart(SIBLINGS_COLUMNS)}  ${key}`
}

/** Whether a list is not complete. The client finds that out itself, so there is no problem document of a node. */
function isCut(error: unknown): boolean {
  return (
    error instanceof RequestError &&
    error.code === 'quorum_unreachable' &&
    error.problem === undefined
  )
}

function countWords(count: number): string {
  return count === 1 ? '1 key' : `${count} keys`
}
