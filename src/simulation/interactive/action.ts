/** One thing that a person or a plan does to an interactive world: a request, a fault, or a change of the members. */
import type { Level } from '../../core/quorum/level.ts'
import type { CutKind } from '../world/wires.ts'

/** `atMs` is the virtual time since the start, with at most three decimals. */
export type TimedAction = { readonly atMs: number } & Action

export type Action = RequestAction | FaultAction | MembershipAction

export type RequestAction =
  | ({ readonly do: 'get' } & Asked)
  | ({ readonly do: 'put'; readonly value: string } & Asked & Contextual)
  | ({ readonly do: 'delete' } & Asked & Contextual)

interface Asked {
  /** The number of the client. It sends its next request after the outcome of the one before. */
  readonly client: number
  readonly node: string
  readonly level: Level
  readonly bucket: string
  readonly key: string
}

interface Contextual {
  /** Whether the client sends the context of its last answer about this key. Otherwise the write is blind. */
  readonly withContext?: boolean
  /**
   * Whether the write is a compare-and-set: it happens only if the strong key is as this client has last seen it. A key
   * that the client has never asked for must be absent.
   */
  readonly ifUnchanged?: boolean
}

export type FaultAction =
  | {
      readonly do: 'cut'
      readonly from: readonly string[]
      readonly to: readonly string[]
      /** Whether only messages from `from` to `to` are cut. */
      readonly oneWay?: boolean
      /** How the cut looks to the nodes (world/wires.ts). `mute` if it is absent. */
      readonly kind?: CutKind
    }
  /** Ends the cuts between two groups; without groups, all cuts. */
  | { readonly do: 'heal'; readonly from?: readonly string[]; readonly to?: readonly string[] }
  /** `kill` ends the process; `power` also loses all that is not synced; `wipe` also empties the directory. */
  | {
      readonly do: 'kill' | 'power' | 'wipe' | 'start' | 'pause' | 'continue'
      readonly node: string
    }
  /** Sets the clock this far ahead of the true time, or behind it if negative. */
  | { readonly do: 'skew'; readonly node: string; readonly byMs: number }

export type MembershipAction =
  | { readonly do: 'join' | 'leave'; readonly node: string }
  | {
      readonly do: 'replace'
      readonly node: string
      readonly with: string
      /** Whether the machine of the old node is lost forever. */
      readonly lost?: boolean
    }
  /** The machine is lost forever, and the others remove it. */
  | { readonly do: 'remove'; readonly node: string }
  /** Undoes the change that is under way. */
  | { readonly do: 'cancel' }

export function atUs({ atMs }: { readonly atMs: number }): number {
  return Math.round(atMs * 1000)
}

/** For example `cut n1 | n2,n3 (mute)`. */
export function describeAction(action: Action): string {
  switch (action.do) {
    case 'get':
      return `get ${action.bucket}/${action.key} ${action.level}`
    case 'delete':
      return `delete ${action.bucket}/${action.key} ${action.level}${conditionWords(action)}`
    case 'put': {
      const written = JSON.stringify(action.value)
      return `put ${action.bucket}/${action.key} ${written} ${action.level}${conditionWords(action)}`
    }
    case 'cut': {
      const { from, to, oneWay = false, kind = 'mute' } = action
      return `cut ${from.join(',')} ${oneWay ? '->' : '|'} ${to.join(',')} (${kind})`
    }
    case 'heal':
      return action.from === undefined
        ? 'heal all cuts'
        : `heal ${action.from.join(',')} | ${(action.to ?? []).join(',')}`
    case 'skew':
      return `skew ${action.node} by ${action.byMs} ms`
    case 'replace':
      return `replace ${action.node} by ${action.with}`
    case 'cancel':
      return 'cancel the change of the members'
    default:
      return `${action.do} ${action.node}`
  }
}

function conditionWords({ ifUnchanged = false }: Contextual): string {
  return ifUnchanged ? ' if unchanged' : ''
}
