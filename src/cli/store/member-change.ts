/** Changes of the members: the requests for them, and how far one is. */
import { parseJson } from '../../client/request/answer.ts'
import type { Sender } from '../../client/request/sender.ts'
import type { Subcommand, Word } from '../../command-line/command.ts'
import { UsageError } from '../../command-line/usage-error.ts'
import { type Change, getJson } from './cluster-answer.ts'

const NODE_WORD: Word = {
  name: 'NODE',
  value: {
    kind: 'text',
    placeholder: 'NODE',
    pattern: /^[a-z0-9][a-z0-9-]{0,31}$/,
    expected: 'the id of a node, such as n2',
  },
}

/** The words of a change, as `plan` and `apply` take them. */
export const CHANGES = {
  join: { about: 'Add this node, which must be running or about to start.', words: [NODE_WORD] },
  leave: { about: 'Let this node hand over its copies and go.', words: [NODE_WORD] },
  replace: {
    about: 'Let the node NEW take the place of the node OLD.',
    words: [
      { ...NODE_WORD, name: 'OLD' },
      { ...NODE_WORD, name: 'NEW' },
    ],
  },
  remove: { about: 'Take out this node, whose disk is gone for good.', words: [NODE_WORD] },
} as const satisfies Readonly<Record<string, Subcommand>>

export const CANCEL = {
  cancel: { about: 'Undo the change that is under way, as long as copies still move.' },
} as const satisfies Readonly<Record<string, Subcommand>>

export const CHANGE_OPTIONS = {
  'peer-url': {
    kind: 'text',
    placeholder: 'URL',
    otherwise: 'http://NODE:7080',
    about: 'How the members reach the peer port of the new node: for join and replace.',
  },
  zone: {
    kind: 'text',
    placeholder: 'ZONE',
    otherwise: 'default',
    about: 'The zone of the new node: for join and replace.',
  },
  lost: {
    kind: 'flag',
    about: 'The disk of the old node is gone, so nobody waits for it: for replace.',
  },
} as const

interface ChangeValues {
  readonly 'peer-url': string | undefined
  readonly zone: string | undefined
  readonly lost: boolean
}

/** `POST /v1/cluster/plan`. */
export interface PlanAnswer {
  readonly kind: Change['kind']
  readonly moves: readonly {
    readonly partition: number
    readonly copies: number
    readonly from: string | null
    readonly to: string
  }[]
  readonly before: Readonly<Record<string, number>>
  readonly after: Readonly<Record<string, number>>
  readonly warnings: readonly string[]
}

/** `POST /v1/cluster/apply`. `change` is null if the change has been made already. */
export interface ApplyAnswer {
  readonly epoch: number
  readonly change: Change | null
  /** Lost members that are removed later. Absent in answers of earlier versions. */
  readonly lost?: readonly string[]
}

/** `GET /v1/cluster/moves`. */
export interface MovesAnswer {
  readonly epoch: number
  readonly change: Change | null
  /** As in ApplyAnswer. */
  readonly lost?: readonly string[]
  readonly nodes: readonly NodeMove[]
}

export interface NodeMove {
  readonly node: string
  readonly state: string
  readonly partitions: number
  readonly partitionsDone: number
  readonly keys: number
  readonly bytes: number
  readonly secondsLeft: number | null
  readonly waitsFor: string
}

/** The body of a request for this change. Throws UsageError for an option that the change does not have. */
export function changeBody(
  kind: string,
  [first = '', second = '']: readonly string[],
  values: ChangeValues,
): object {
  const hasMember = kind === 'join' || kind === 'replace'
  for (const name of ['peer-url', 'zone'] as const) {
    if (values[name] !== undefined && !hasMember) throw new UsageError(`${kind} takes no --${name}`)
  }
  if (values.lost && kind !== 'replace') throw new UsageError(`${kind} takes no --lost`)
  switch (kind) {
    case 'join':
      return { join: memberOf(first, values) }
    case 'replace':
      return {
        replace: {
          old: first,
          new: memberOf(second, values),
          ...(values.lost ? { lost: true } : {}),
        },
      }
    case 'cancel':
      return { cancel: true }
    default:
      return { [kind]: first }
  }
}

export async function postChange(
  sender: Sender,
  path: '/v1/cluster/plan' | '/v1/cluster/apply',
  body: object,
  signal: AbortSignal,
): Promise<unknown> {
  const answer = await sender.send(
    {
      method: 'POST',
      path,
      query: {},
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      takesTimeout: path === '/v1/cluster/apply',
      isRead: path === '/v1/cluster/plan',
      // The same change is made once. An undo might undo a change that began in between.
      isRepeatable: !('cancel' in body),
      statuses: [200, 202],
    },
    sender.budget({ signal }),
  )
  return parseJson(answer.body)
}

export async function getMoves(sender: Sender, signal: AbortSignal): Promise<MovesAnswer> {
  return (await getJson(sender, { path: '/v1/cluster/moves', has: 'nodes' }, signal)) as MovesAnswer
}

/** For example ` After that, n3 will be removed.`; '' if no lost member waits for its removal. */
export function laterWords({ change, lost = [] }: Pick<MovesAnswer, 'change' | 'lost'>): string {
  if (lost.length === 0) return ''
  const names = lost.join(', ')
  return change === null
    ? ` ${names} will be removed as soon as there are enough other members.`
    : ` After that, ${names} will be removed.`
}

/** For example `n2 is leaving: copies are being moved`. */
export function changeWords({ kind, joining, leaving, phase }: Change): string {
  const who = {
    join: `${joining} is joining`,
    leave: `${leaving} is leaving`,
    replace: `${joining ?? 'another member'} is taking the place of ${leaving}`,
    remove: `${leaving} is being removed`,
  }[kind]
  const what: Readonly<Record<string, string>> = {
    moving: 'copies are being moved',
    releasing: 'the moved copies are being compared once more',
    emptying: `${leaving ?? joining} is handing over its hints and emptying itself`,
  }
  return `${who}: ${what[phase] ?? phase}`
}

/** An id alone stands for the defaults of its address and zone. */
function memberOf(id: string, { 'peer-url': peerUrl, zone }: ChangeValues): string | object {
  if (peerUrl === undefined && zone === undefined) return id
  return {
    id,
    ...(peerUrl === undefined ? {} : { peerUrl }),
    ...(zone === undefined ? {} : { zone }),
  }
}
