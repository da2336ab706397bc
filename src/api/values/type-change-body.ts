/**
 * Reads the JSON of an update of a counter or a set, and checks its members and their types. The node checks the values
 * (src/node/write/type-change.ts).
 */
import { ELEMENT_BYTES_MAX } from '../../core/causality/element-set.ts'
import { QuorateError } from '../../core/errors.ts'
import type { TypeChange } from '../../node/service/service.ts'
import type { JsonObject } from '../http/json-body.ts'
import { quoted } from '../http/query.ts'
import { about, listOf, type Schema } from '../http/schema.ts'

export const CHANGE_EXAMPLES = {
  counter: '{"increment":1}',
  set: '{"add":["a"],"remove":["b"]}',
} as const

const ELEMENTS = listOf({ type: 'string', minLength: 1, maxLength: ELEMENT_BYTES_MAX })
const PROPERTIES = {
  counter: {
    increment: {
      type: 'integer',
      minimum: Number.MIN_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER,
    },
  },
  set: {
    add: about(ELEMENTS, 'Elements to add: 1 to 1024 bytes of UTF-8 each.'),
    remove: about(ELEMENTS, 'Elements to remove. An element is in one of the two lists.'),
  },
} as const satisfies Record<'counter' | 'set', Record<string, Schema>>

const MEMBERS = {
  counter: Object.keys(PROPERTIES.counter),
  set: Object.keys(PROPERTIES.set),
}

/** What an update of a counter or a set is; the mode of the bucket says which of the two. */
export const CHANGE_BODY: Schema = {
  title: 'Update',
  anyOf: [
    {
      description: 'An update of a counter.',
      type: 'object',
      properties: PROPERTIES.counter,
      required: ['increment'],
      additionalProperties: false,
    },
    {
      description: 'An update of a set.',
      type: 'object',
      properties: PROPERTIES.set,
      minProperties: 1,
      additionalProperties: false,
    },
  ],
}

/** Throws bad_request. */
export function parseChange(mode: 'counter' | 'set', body: JsonObject): TypeChange {
  const allowed = MEMBERS[mode]
  for (const member of Object.keys(body)) {
    if (allowed.includes(member)) continue
    throw refusal(
      `There is no member ${quoted(member)} in an update of a ${mode}; allowed: ${allowed.join(', ')}.`,
    )
  }
  if (Object.keys(body).length === 0) {
    throw refusal(`The update is empty; a ${mode} takes one such as ${CHANGE_EXAMPLES[mode]}.`)
  }
  if (mode === 'set') {
    return { type: 'set', add: texts(body, 'add'), remove: texts(body, 'remove') }
  }
  const increment = body['increment']
  if (typeof increment === 'number') return { type: 'counter', increment }
  throw refusal(`increment must be a whole number, not ${quoted(JSON.stringify(increment))}.`)
}

function texts(body: JsonObject, member: 'add' | 'remove'): string[] {
  const value = Object.hasOwn(body, member) ? body[member] : []
  if (!Array.isArray(value)) {
    throw refusal(`${member} must be a list of strings, not ${quoted(JSON.stringify(value))}.`)
  }
  const other = value.findIndex((item) => typeof item !== 'string')
  if (other < 0) return value as string[]
  throw refusal(
    `${member} must be a list of strings; item ${other} is ${quoted(JSON.stringify(value[other]))}.`,
  )
}

function refusal(message: string): QuorateError {
  return new QuorateError('bad_request', message)
}
