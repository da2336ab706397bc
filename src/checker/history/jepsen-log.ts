/**
 * Reads the log of Jepsen's first etcd test (as in Porcupine's test data): one event a line, such as
 * `INFO  jepsen.util - 3	:ok	:read	4`. In this log a cas failed only because the register held another value. Other
 * lines of the log are not part of the history.
 */
import { eventsOf, type EventRecord } from './event-fields.ts'
import { readEdn } from './edn-reader.ts'
import { HistoryError, type HistoryEvent, type Json, MISMATCH, NEMESIS } from './history.ts'

const LINE = /jepsen\.util - :?(\d+|nemesis)\s+:(invoke|ok|fail|info)\s+:(\S+)\s+(.*)$/

/** A line that begins like an event must be one. Otherwise a part of the history would be skipped silently. */
const EVENT_LIKE = /jepsen\.util - :?(?:\d+|nemesis)(?:\s|$)/

export function isJepsenLog(text: string): boolean {
  return /^.*\bjepsen\.util - /m.test(text.slice(0, 65_536))
}

/** Throws HistoryError with the line. */
export function parseJepsenLog(text: string): HistoryEvent[] {
  const history = eventsOf(recordsOf(text))
  if (history.length === 0) throw new HistoryError(1, 'the log contains no event')
  return history
}

function* recordsOf(text: string): Generator<EventRecord> {
  let index = 0
  for (const [i, content] of text.split('\n').entries()) {
    const found = LINE.exec(content.trimEnd())
    if (found === null) {
      if (EVENT_LIKE.test(content))
        throw new HistoryError(i + 1, 'begins like an event, but is not a complete one')
      continue
    }
    const [, process = '', type = '', f = '', written = ''] = found
    const line = i + 1
    const value = valueOf(written, line)
    const isMismatch = type === 'fail' && f === 'cas' && Array.isArray(value)
    yield {
      line,
      fields: {
        index,
        time: index++,
        process: process === NEMESIS ? NEMESIS : Number(process),
        type,
        f,
        value: value === 'timed-out' ? null : value,
        ...(isMismatch ? { error: MISMATCH } : {}),
        ...(value === 'timed-out' ? { error: 'timed-out' } : {}),
      },
    }
  }
}

function valueOf(written: string, line: number): Json {
  const [form, ...more] = readEdn(written)
  if (form === undefined) throw new HistoryError(line, 'has no value')
  return more.length === 0 ? form.value : [form, ...more].map(({ value }) => value)
}
