/** Who reaches whom. Each cell is a button that does what the page offers for that direction. */
import type { VNode } from 'preact'
import type { ClusterSight, LinkSight } from '../picture/sight.ts'
import type { LinkDeed } from './link-lane.tsx'

interface Props {
  readonly sight: Pick<ClusterSight, 'nodes' | 'links'>
  /** What the matrix shows, and what a press does, in a sentence or two. */
  readonly about: string
  readonly deed: LinkDeed
}

export function ReachMatrix({ sight: { nodes, links }, about, deed }: Props): VNode {
  const ids = nodes.filter(({ state }) => state !== 'gone').map(({ id }) => id)
  return (
    <section class="panel matrix" aria-labelledby="matrix-title">
      <h2 id="matrix-title">Who reaches whom</h2>
      <p class="hint">{about}</p>
      <table>
        <thead>
          <tr>
            <th scope="col">from \ to</th>
            {ids.map((id) => (
              <th key={id} scope="col">
                {id}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ids.map((from) => (
            <tr key={from}>
              <th scope="row">{from}</th>
              {ids.map((to) => (
                <td key={to}>
                  <Cell
                    link={links.find((link) => link.from === from && link.to === to)}
                    deed={deed}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Cell({
  link,
  deed,
}: {
  readonly link: LinkSight | undefined
  readonly deed: LinkDeed
}): VNode {
  if (link === undefined) return <span aria-hidden="true">·</span>
  const { from, to, cut, isOpen } = link
  const state = cut !== null ? 'cut' : isOpen ? 'open' : 'closed'
  const sign = { cut: '✕', open: '✓', closed: '–' }[state]
  const words = { cut: `cut (${cut})`, open: 'connected', closed: 'not connected' }[state]
  return (
    <button
      type="button"
      class={`cell ${state}`}
      title={`${from} to ${to}: ${words}`}
      aria-label={`${from} to ${to}: ${words}; press to ${deed.words(link)}`}
      onClick={() => deed.press(link)}
    >
      {sign}
    </button>
  )
}
