/** `watch`: the changes of a bucket as they happen, one a line. Only Ctrl-C, `--limit` or an error ends it. */
import type { WatchEvent } from '../../client/quorate.ts'
import { EXIT, exitCodes } from '../outcome/exit-code.ts'
import { BUCKET_WORD, openClient, STORE_OPTIONS } from '../store/store-options.ts'
import { styled } from '../../terminal/style.ts'
import { ABOUT_ESCAPED, escaped, visible } from '../../terminal/terminal-text.ts'
import { type Sink, writeJson, writeLines } from '../../terminal/sink.ts'
import type { World } from '../world.ts'
import { cliCommand } from './cli-command.ts'

const LIMIT_MAX = 1_000_000_000
const TIME_COLUMNS = 8
const CHANGE_COLUMNS = 8
const BYTES_COLUMNS = 9
const SIBLINGS_COLUMNS = 8

export const WATCH = cliCommand(
  'watch',
  {
    about:
      'Shows which keys of a bucket change, one change a line, until Ctrl-C ends it. If its node dies, it continues at ' +
      'another endpoint. Quick changes of one key may be shown as one, and a change may be shown twice. After a line ' +
      'reset, changes were missed: forget every key, because all keys follow, up to a line complete. ' +
      ABOUT_ESCAPED,
    words: [BUCKET_WORD],
    options: {
      ...STORE_OPTIONS,
      timeout: {
        ...STORE_OPTIONS.timeout,
        about: 'How long no endpoint may answer before the command ends.',
      },
      prefix: {
        kind: 'text',
        placeholder: 'P',
        about: 'Show only keys that begin with this text.',
      },
      everything: {
        kind: 'flag',
        without: ['after'],
        about: 'Begin with every key as it is now, up to a line complete.',
      },
      after: {
        kind: 'text',
        placeholder: 'POSITION',
        about: 'Continue at the position that an earlier watch of the bucket printed with --json.',
      },
      limit: {
        kind: 'number',
        min: 1,
        max: LIMIT_MAX,
        otherwise: 'no end',
        about: 'End after so many changes.',
      },
    },
    examples: ['watch default --prefix user/', 'watch default --everything --json'],
    exitCodes: exitCodes(0, 1, 3, 6, 8, 130),
  },
  async ({ values, words: [bucket = ''] }, world) => {
    const { prefix, everything, after, limit = Infinity, json } = values
    await using client = openClient(values, world)
    const watch = client
      .bucket(bucket)
      .watch({ prefix, everything, after, progress: true, signal: world.stop })
    const print = json ? jsonPrinter(world.out) : textPrinter(bucket, everything, world)
    let count = 0
    for await (const event of watch) {
      await print(event, watch.position)
      if ('key' in event) count++
      if (count >= limit) break
    }
    return EXIT.ok
  },
)

type Printer = (event: WatchEvent, position: string | undefined) => Promise<void>

/** The promised form (README.md). */
function jsonPrinter(out: Sink): Printer {
  return async (event, position) => {
    const at = { position: position ?? null }
    if (event.type === 'progress') {
      const { type, toldUntil = null, missingPartitions } = event
      await writeJson(out, { type, toldUntil, missingPartitions: [...missingPartitions], ...at })
      return
    }
    const nothing = { key: null, size: null, siblings: null, etag: null }
    const { type, key, size, siblings, etag } = { ...nothing, ...event }
    await writeJson(out, { type, key, size, siblings, etag, ...at })
  }
}

/** On a terminal a table that grows, elsewhere the kind of change and the key. */
function textPrinter(bucket: string, everything: boolean, { out, err }: World): Printer {
  let hasBegun = false
  /** Until all keys have been told, every data partition counts as missing. */
  let isListing = everything
  let missing = 0
  const begin = async (): Promise<void> => {
    hasBegun = true
    if (err.isTerminal) await writeLines(err, [`Watching ${bucket}. Ctrl-C ends it.`])
    if (out.isTerminal) await writeLines(out, [headLine(out)])
  }
  return async (event) => {
    if (!hasBegun) await begin()
    if (event.type !== 'progress') {
      if (event.type === 'reset') isListing = true
      if (event.type === 'complete') isListing = false
      await writeLines(out, [out.isTerminal ? terminalLine(event, out) : plainLine(event)])
      return
    }
    if (isListing) return
    const { size } = event.missingPartitions
    const words = missingWords(missing, size)
    if (words !== undefined) await writeLines(err, [`quorate watch: ${words}`])
    missing = size
  }
}

/** Undefined if there is nothing to say. */
function missingWords(before: number, now: number): string | undefined {
  if (before === now) return undefined
  if (now === 0) return 'all data partitions are in reach again'
  return `${now} data partitions are out of reach, so their changes may come late`
}

type Told = Exclude<WatchEvent, { readonly type: 'progress' }>

/** A key must not look like further lines. */
function plainLine(event: Told): string {
  return 'key' in event ? `${event.type} ${escaped(event.key)}` : event.type
}

function headLine({ isColoured }: Sink): string {
  return styled(isColoured, 'head', rowOf('time', 'change', 'bytes', 'siblings', 'key'))
}

function terminalLine(event: Told, { isColoured }: Sink): string {
  // The local time at which the change is shown: a change has no time of its own.
  const time = new Date().toTimeString().slice(0, TIME_COLUMNS)
  switch (event.type) {
    case 'put': {
      const { size, siblings, key } = event
      return rowOf(time, 'put', String(size), String(siblings), visible(key))
    }
    case 'delete':
      return rowOf(time, 'delete', '-', '-', visible(event.key))
    case 'reset': {
      const words = 'changes were missed: forget every key, because all keys follow'
      return styled(isColoured, 'doubtful', `${headOf(time, 'reset')}  ${words}`)
    }
    case 'complete':
      return styled(isColoured, 'dim', `${headOf(time, 'complete')}  all keys have been shown`)
    default:
      return event satisfies never
  }
}

function rowOf(time: string, change: string, bytes: string, siblings: string, key: string): string {
  const numbers = `${bytes.padStart(BYTES_COLUMNS)}  ${siblings.padStart(SIBLINGS_COLUMNS)}`
  return `${headOf(time, change)}  ${numbers}  ${key}`
}

function headOf(time: string, change: string): string {
  return `${time.padEnd(TIME_COLUMNS)}  ${change.padEnd(CHANGE_COLUMNS)}`
}
