/** Reads a change of the members from a JSON body. A refusal lists what is allowed. */
import { QuorateError } from '../../core/errors.ts'
import type { ChangeRequest } from '../../core/placement/change-target.ts'
import type { ChangeKind } from '../../core/placement/member-change.ts'
import {
  DEFAULT_ZONE,
  isName,
  NAME_PATTERN,
  NAME_RULE,
  peerUrlOf,
} from '../../core/placement/member-syntax.ts'
import type { Member } from '../../core/placement/topology.ts'
import type { JsonObject } from '../http/json-body.ts'
import { quoted } from '../http/query.ts'
import { about, BOOLEAN, orNull, patternOf, type Schema } from '../http/schema.ts'

/** Shown in errors, also when a request has no body. */
export const CHANGE_EXAMPLE = '{"leave":"n2"}'

/** The port of a node for which a request gives only the id. */
const DEFAULT_PEER_PORT = 7080

const NODE_ID = about(patternOf(NAME_PATTERN), `The id of a node: ${NAME_RULE}.`)
const MEMBER_PROPERTIES = {
  id: NODE_ID,
  peerUrl: about(
    orNull({ type: 'string', format: 'uri' }),
    `\`http://host:port\` of its peer port; by default \`http://ID:${DEFAULT_PEER_PORT}\`.`,
  ),
  zone: about(orNull(patternOf(NAME_PATTERN)), `By default \`${DEFAULT_ZONE}\`.`),
} satisfies Record<keyof Member, Schema>
const MEMBER: Schema = {
  title: 'NewMember',
  description: 'A node to be a member, or its id alone.',
  anyOf: [
    NODE_ID,
    {
      type: 'object',
      properties: MEMBER_PROPERTIES,
      required: ['id'],
      additionalProperties: false,
    },
  ],
}
const REPLACE_PROPERTIES = {
  old: NODE_ID,
  new: MEMBER,
  lost: about(orNull(BOOLEAN), 'Whether the disk of the old node is lost. By default false.'),
}
const KIND_PROPERTIES = {
  join: MEMBER,
  leave: about(NODE_ID, 'A member that is up, and gives its copies away.'),
  replace: {
    description: 'A member, and the node that takes its place.',
    type: 'object',
    properties: REPLACE_PROPERTIES,
    required: ['old', 'new'],
    additionalProperties: false,
  },
  remove: about(NODE_ID, 'A member that will not return.'),
} satisfies Record<ChangeKind, Schema>
const KINDS = Object.keys(KIND_PROPERTIES) as readonly ChangeKind[]
const MEMBER_FIELDS = Object.keys(MEMBER_PROPERTIES)
const REPLACE_FIELDS = Object.keys(REPLACE_PROPERTIES)

/** What `changeRequest` takes. */
export const CHANGE_REQUEST: Schema = {
  title: 'MemberChange',
  type: 'object',
  properties: KIND_PROPERTIES,
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
}

/** What `changeOrder` takes. */
export const CHANGE_ORDER: Schema = {
  ...CHANGE_REQUEST,
  title: 'MemberChangeOrder',
  properties: {
    ...KIND_PROPERTIES,
    cancel: { const: true, description: 'Undo the change that is under way.' },
  },
}

/** `undo` cancels the change that is under way. */
export type ChangeOrder =
  | { readonly type: 'change'; readonly request: ChangeRequest }
  | { readonly type: 'undo' }

/** Reads a request to `apply`: everything that `changeRequest` takes, or `{"cancel":true}`. Throws bad_parameter. */
export function changeOrder(body: JsonObject, members: readonly Member[]): ChangeOrder {
  if (!Object.hasOwn(body, 'cancel')) {
    return { type: 'change', request: requestOf(body, members, [...KINDS, 'cancel']) }
  }
  onlyOne(body, [...KINDS, 'cancel'])
  if (body['cancel'] === true) return { type: 'undo' }
  throw refusal(`cancel must be true, not ${shown(body['cancel'])}.`)
}

/**
 * Reads a request to `plan`: exactly one of join, leave, replace and remove. An id alone stands for the member with
 * that id. If there is no such member, it stands for a node at `http://ID:7080`. Throws bad_parameter.
 */
export function changeRequest(body: JsonObject, members: readonly Member[]): ChangeRequest {
  return requestOf(body, members, KINDS)
}

/** Reads `{"id","peerUrl","zone"}` or an id alone; `peerUrl` and `zone` are optional. Throws bad_parameter. */
export function memberOf(where: string, value: unknown, members: readonly Member[]): Member {
  if (typeof value === 'string') {
    const id = nodeId(where, value)
    const known = members.find((member) => member.id === id)
    return known ?? { id, peerUrl: `http://${id}:${DEFAULT_PEER_PORT}`, zone: DEFAULT_ZONE }
  }
  const fields = objectOf(where, value, MEMBER_FIELDS, '"n6" or {"id":"n6"}')
  const id = nodeId(`${where}.id`, fields['id'])
  return {
    id,
    peerUrl: addressOf(`${where}.peerUrl`, fields['peerUrl'], id),
    zone: zoneOf(`${where}.zone`, fields['zone']),
  }
}

function requestOf(
  body: JsonObject,
  members: readonly Member[],
  allowed: readonly string[],
): ChangeRequest {
  const kind = onlyOne(body, allowed) as ChangeKind
  const value = body[kind]
  switch (kind) {
    case 'join':
      return { kind, member: memberOf(kind, value, members) }
    case 'leave':
    case 'remove':
      return { kind, node: nodeId(kind, value) }
    case 'replace':
      return replaceOf(value, members)
    default:
      return kind satisfies never
  }
}

function replaceOf(value: unknown, members: readonly Member[]): ChangeRequest {
  const fields = objectOf('replace', value, REPLACE_FIELDS, '{"old":"n3","new":"n7"}')
  const old = nodeId('replace.old', fields['old'])
  const member = memberOf('replace.new', fields['new'], members)
  if (member.id === old) throw refusal(`replace.old and replace.new must be two nodes, not ${old}.`)
  const isLost = fields['lost'] ?? false
  if (typeof isLost === 'boolean') return { kind: 'replace', old, member, isLost }
  throw refusal(`replace.lost must be true or false, not ${shown(isLost)}.`)
}

/** The name of the only member that the object has. Throws bad_parameter if it has none or several. */
function onlyOne(body: JsonObject, allowed: readonly string[]): string {
  const names = Object.keys(body)
  const unknown = names.find((name) => !allowed.includes(name))
  const list = allowed.join(', ')
  if (unknown !== undefined) {
    throw refusal(`There is no member ${quoted(unknown)} here; allowed: ${list}.`)
  }
  const [name, ...more] = names
  if (name !== undefined && more.length === 0) return name
  const count = name === undefined ? 'none' : names.join(' and ')
  throw refusal(`The body must have exactly one of ${list}, not ${count}: ${CHANGE_EXAMPLE}.`)
}

function objectOf(
  where: string,
  value: unknown,
  allowed: readonly string[],
  example: string,
): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refusal(`${where} must be such as ${example}, not ${shown(value)}.`)
  }
  const unknown = Object.keys(value).find((name) => !allowed.includes(name))
  if (unknown === undefined) return value as JsonObject
  throw refusal(
    `There is no member ${quoted(unknown)} in ${where}; allowed: ${allowed.join(', ')}.`,
  )
}

function nodeId(where: string, value: unknown): string {
  if (typeof value === 'string' && isName(value)) return value
  throw refusal(`${where} must be the id of a node, ${NAME_RULE}, not ${shown(value)}.`)
}

function addressOf(where: string, value: unknown, id: string): string {
  const text = value ?? `http://${id}:${DEFAULT_PEER_PORT}`
  const url = typeof text === 'string' ? peerUrlOf(text) : undefined
  if (url !== undefined) return url
  throw refusal(`${where} must be http://host:port of the node's peer port, not ${shown(value)}.`)
}

function zoneOf(where: string, value: unknown): string {
  const zone = value ?? DEFAULT_ZONE
  if (typeof zone === 'string' && isName(zone)) return zone
  throw refusal(`${where} must be the name of a zone, ${NAME_RULE}, not ${shown(value)}.`)
}

function shown(value: unknown): string {
  return value === undefined ? 'left out' : quoted(JSON.stringify(value))
}

function refusal(message: string): QuorateError {
  return new QuorateError('bad_parameter', message)
}
