/** The members as the node that serves the page sees them. */
import type { VNode } from 'preact'
import { shownOffset, silentMembers } from '../live/live-sight.ts'
import type { NodeStatus } from '../live/node-status.ts'
import { clockWords } from '../picture/node-words.ts'

const STATE_WORDS = { up: 'up', suspect: 'suspected', down: 'down or cut off' } as const

export function MembersPanel({ status }: { readonly status: NodeStatus | null }): VNode | null {
  if (status === null) return null
  const { node, members, hints, moves } = status
  const silent = silentMembers(status)
  return (
    <section class="panel lesson members" aria-labelledby="members-title">
      <h2 id="members-title">Members, as {node} sees them</h2>
      {moves !== null && (
        <p>
          A change is under way: {moves.kind} {moves.joining ?? moves.leaving}.
        </p>
      )}
      <ul>
        {members.map(({ id, state, lastHeardMsAgo, clockOffsetMs }) => {
          const isSilent = silent.includes(id)
          const kept = hints[id]?.pending ?? 0
          const clock = clockWords(shownOffset(clockOffsetMs))
          return (
            <li key={id} class={isSilent ? 'broken' : 'holds'}>
              <span class="sign" aria-hidden="true">
                {isSilent ? '?' : '✓'}
              </span>
              <span>
                <b>{id}</b> {isSilent ? 'does not answer; ' : ''}
                {id === node ? 'this node' : STATE_WORDS[state]}
                {isSilent && lastHeardMsAgo !== null && `, heard ${ago(lastHeardMsAgo)}`}
                {clock !== null && `, its clock is ${clock}`}
                {kept > 0 && `, ${kept === 1 ? 'a hint waits' : `${kept} hints wait`} here for it`}
              </span>
            </li>
          )
        })}
      </ul>
    </section>
  )
}

function ago(ms: number): string {
  return ms < 1000 ? 'just now' : `${Math.round(ms / 1000)} s ago`
}
