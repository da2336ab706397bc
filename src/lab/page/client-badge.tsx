/** A client in the picture, at the node that it asks, with the state of its last request. */
import type { VNode } from 'preact'
import type { RequestView } from '../../simulation/interactive/timed-clients.ts'
import type { Places } from '../picture/places.ts'
import { clientName, STATE_MARKS } from '../picture/request-words.ts'
import type { ClientForm } from './client-form.ts'

interface Props {
  readonly client: ClientForm
  readonly places: Places
  readonly requests: readonly RequestView[]
}

/** The share of the circle between the middle of a node and a client beside it. */
const BESIDE = 0.047
const OUTSIDE = 12
/** A stands on one side of its node, B and C on the other. */
const SIDES: Readonly<Record<number, number>> = { 1: -1, 2: 1, 3: 1.8 }

export function ClientBadge({ client: { client, node }, places, requests }: Props): VNode | null {
  if (!places.has(node)) return null
  const at = places.near(node, OUTSIDE, (SIDES[client] ?? 1) * BESIDE * places.order.length)
  const last = requests.findLast(({ action }) => action.client === client)
  const state = last?.state
  return (
    <g
      class={`client-badge client-${client} ${state?.replace(' ', '-') ?? ''}`}
      transform={`translate(${at.x} ${at.y})`}
      aria-hidden="true"
    >
      <rect x="-11" y="-10" width={state === undefined ? 22 : 34} height="20" rx="4" />
      <text x="0" y="5">
        {clientName(client)}
      </text>
      {state !== undefined && (
        <text x="14" y="5">
          {STATE_MARKS[state]}
        </text>
      )}
    </g>
  )
}
