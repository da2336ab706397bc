/** The picture of a cluster: nodes on a circle, links, zones, and the dividing line of a partition. */
import type { ComponentChildren, VNode } from 'preact'
import { bandOf, dividers, PICTURE } from '../picture/circle-layout.ts'
import { zoneWords } from '../picture/node-words.ts'
import { type Places, placesOf } from '../picture/places.ts'
import type { ClusterSight } from '../picture/sight.ts'
import { type LinkDeed, LinkLane } from './link-lane.tsx'
import { NodeMark } from './node-mark.tsx'
import { Steady } from './steady.tsx'

interface Props {
  readonly sight: ClusterSight
  /** The node that is marked; null if none is. */
  readonly chosenNode: string | null
  readonly chooseNode: (id: string) => void
  readonly deed: LinkDeed
  /** What is between the nodes. */
  readonly messages?: (places: Places) => ComponentChildren
  /** What lies over the picture, in the same box. */
  readonly above?: (places: Places) => ComponentChildren
  /** What stands beside the nodes, and by what it changes. */
  readonly beside?: {
    readonly by: string
    readonly draw: (places: Places) => ComponentChildren
  }
}

export function ClusterPicture(props: Props): VNode {
  const { sight, chosenNode, chooseNode, deed, messages, above, beside } = props
  const { nodes, links, key } = sight
  const places = placesOf(sight)
  const { width, height } = PICTURE
  return (
    <div class="picture-box">
      <svg
        class="picture"
        viewBox={`0 0 ${width} ${height}`}
        role="group"
        aria-label="Picture of the cluster"
      >
        <Steady
          by={`${places.order.join()} ${linksKey(links)}`}
          draw={() => (
            <>
              <Zones places={places} />
              <Dividers places={places} />
              {links.map((link) => (
                <LinkLane key={`${link.from}>${link.to}`} link={link} places={places} deed={deed} />
              ))}
            </>
          )}
        />
        {messages?.(places)}
        <Steady
          by={JSON.stringify([nodes, key, chosenNode, places.order, beside?.by])}
          draw={() => (
            <>
              {nodes
                .filter(({ id }) => places.has(id))
                .map((node) => (
                  <NodeMark
                    key={node.id}
                    node={node}
                    chosenKey={key}
                    places={places}
                    isChosen={chosenNode === node.id}
                    choose={() => chooseNode(node.id)}
                  />
                ))}
              {beside?.draw(places)}
            </>
          )}
        />
      </svg>
      {above?.(places)}
    </div>
  )
}

/** Tells everything by which the links are drawn. */
export function linksKey(links: ClusterSight['links']): string {
  return links.map(({ from, to, cut, isOpen }) => `${from}${to}${cut}${isOpen}`).join()
}

const ZONE_WORDS_OUTSIDE = 54

function Zones({ places }: { readonly places: Places }): VNode {
  const { order, zones } = places
  return (
    <g class="zones" aria-hidden="true">
      {zones.map(({ zone, first, last }) => {
        const { x, y } = places.near(order[first] as string, ZONE_WORDS_OUTSIDE, (last - first) / 2)
        return (
          <g key={`${zone} ${first}`}>
            <path class="zone" d={bandOf(first, last, order.length)} />
            <text x={x} y={y}>
              {zoneWords(zone)}
            </text>
          </g>
        )
      })}
    </g>
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
