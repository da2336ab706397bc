/** The picture of the cluster: nodes on a circle, links, messages, the dividing line of a partition, and clients. */
import type { VNode } from 'preact'
import { dividers, PICTURE } from '../picture/circle-layout.ts'
import { CLASS_WORDS, MESSAGE_CLASSES } from '../picture/message-class.ts'
import { type Places, placesOf } from '../picture/places.ts'
import type { Scene } from '../run/scene.ts'
import type { ClientForm } from './client-form.ts'
import { ClientBadge } from './client-badge.tsx'
import { LinkLane } from './link-lane.tsx'
import { MessageShape, Messages } from './messages.tsx'
import { NodeMark } from './node-mark.tsx'
import { Steady } from './steady.tsx'
import type { LabDeeds, Target } from './use-lab.ts'

interface Props {
  readonly scene: Scene
  readonly target: Target | null
  readonly clients: readonly ClientForm[]
  readonly deeds: LabDeeds
}

export function ClusterPicture({ scene, target, clients, deeds }: Props): VNode {
  const { view } = scene
  const places = placesOf(view)
  const { width, height } = PICTURE
  return (
    <>
      <svg
        class="picture"
        viewBox={`0 0 ${width} ${height}`}
        role="group"
        aria-label="Picture of the cluster"
      >
        <Steady
          by={view.links.map(({ from, to, cut, isOpen }) => `${from}${to}${cut}${isOpen}`).join()}
          draw={() => <Ways links={view.links} places={places} deeds={deeds} />}
        />
        <Messages scene={scene} places={places} />
        <Steady
          by={JSON.stringify([
            view.nodes,
            view.key,
            target,
            clients,
            places.order,
            view.requests.map(({ state }) => state),
          ])}
          draw={() => (
            <>
              {view.nodes
                .filter(({ id }) => places.has(id))
                .map((node) => (
                  <NodeMark
                    key={node.id}
                    node={node}
                    keyView={view.key}
                    places={places}
                    isChosen={target?.kind === 'node' && target.id === node.id}
                    choose={() => deeds.select({ kind: 'node', id: node.id })}
                  />
                ))}
              {clients.map((client) => (
                <ClientBadge
                  key={client.client}
                  client={client}
                  places={places}
                  requests={view.requests}
                />
              ))}
            </>
          )}
        />
      </svg>
      {LEGEND}
    </>
  )
}

interface WaysProps {
  readonly links: Scene['view']['links']
  readonly places: Places
  readonly deeds: LabDeeds
}

function Ways({ links, places, deeds }: WaysProps): VNode {
  return (
    <>
      <Dividers places={places} />
      {links.map((link) => (
        <LinkLane key={`${link.from}>${link.to}`} link={link} places={places} deeds={deeds} />
      ))}
    </>
  )
}

function Dividers({ places }: { readonly places: Places }): VNode {
  return (
    <g aria-hidden="true">
      {dividers(places.gaps, places.order.length).map(({ from, to }) => (
        <line
          key={`${from.x} ${from.y}`}
          class="divider"
          x1={from.x}
          y1={from.y}
          x2={to.x}
          y2={to.y}
        />
      ))}
    </g>
  )
}

/** It never changes. */
const LEGEND = <Legend />

function Legend(): VNode {
  return (
    <ul class="legend" aria-label="What the messages in the picture are">
      {MESSAGE_CLASSES.map((each) => (
        <li key={each}>
          <svg viewBox="-8 -8 16 16" aria-hidden="true">
            <MessageShape of={each} isAnswer={false} />
          </svg>
          {CLASS_WORDS[each]}
        </li>
      ))}
      <li>
        <svg viewBox="-8 -8 16 16" aria-hidden="true">
          <MessageShape of="write" isAnswer={true} />
        </svg>
        hollow: an answer
      </li>
    </ul>
  )
}
