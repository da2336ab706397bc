/**
 * Reads the JSON of an update of a counter or a set, and checks its members and their types. The node checks the values
 * (src/node/write/type-change.ts).
 */
import { QuorateError } from '../../core/errors.ts'
import type { TypeChange } from '../../node/service/service.ts'
import type { JsonObject } from '../http/json-body.ts'
import { quoted } from '../http/query.ts'

export const CHANGE_EXAMPLES = {
  counter: '{"increment":1}',
  set: '{"add":["a"],"remove":["b"]}',
} as const

const MEMBERS = { counter: ['increment'], set: ['add', 'remove'] } as const

/** Throws bad_request. */
export function parseChange(mode: 'counter' | 'set', body: JsonObject): TypeChange {
  const allowed: readonly string[] = MEMBERS[mode]
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
