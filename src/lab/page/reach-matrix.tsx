/** Who reaches whom. Each cell is a button that cuts or heals one direction. */
import type { VNode } from 'preact'
import type { LinkView } from '../../simulation/interactive/world-view.ts'
import type { Scene } from '../run/scene.ts'
import type { LabDeeds } from './use-lab.ts'

interface Props {
  readonly scene: Scene
  readonly deeds: LabDeeds
}

export function ReachMatrix({ scene, deeds }: Props): VNode {
  const { nodes, links } = scene.view
  const ids = nodes.filter(({ state }) => state !== 'gone').map(({ id }) => id)
  return (
    <section class="panel matrix" aria-labelledby="matrix-title">
      <h2 id="matrix-title">Who reaches whom</h2>
      <p class="hint">Press a cell to cut that direction, or to heal the cuts between the two.</p>
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
                    deeds={deeds}
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
  deeds,
}: {
  readonly link: LinkView | undefined
  readonly deeds: LabDeeds
}): VNode {
  if (link === undefined) return <span aria-hidden="true">·</span>
  const { from, to, cut, isOpen } = link
  const state = cut !== null ? 'cut' : isOpen ? 'open' : 'closed'
  const sign = { cut: '✕', open: '✓', closed: '–' }[state]
  const words = { cut: `cut (${cut})`, open: 'connected', closed: 'not connected' }[state]
  const change = (): void =>
    cut === null
      ? deeds.act({ do: 'cut', from: [from], to: [to], oneWay: true })
      : deeds.act({ do: 'heal', from: [from], to: [to] })
  return (
    <button
      type="button"
      class={`cell ${state}`}
      title={`${from} to ${to}: ${words}`}
      aria-label={`${from} to ${to}: ${words}. ${cut === null ? 'Cut it' : 'Heal it'}`}
      onClick={change}
    >
      {sign}
    </button>
  )
}
