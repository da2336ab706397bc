/// <reference lib="dom" />
/** The view of the live cluster. It breaks nothing itself: it offers the commands that do. */
import type { VNode } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { ClusterPicture, linksKey } from '../drawing/cluster-picture.tsx'
import type { LinkDeed } from '../drawing/link-lane.tsx'
import { ReachMatrix } from '../drawing/reach-matrix.tsx'
import { Steady } from '../drawing/steady.tsx'
import { VerdictBar } from '../drawing/verdict-bar.tsx'
import type { LiveScene } from '../live/live-scene.ts'
import { NodeClock } from '../live/node-clock.ts'
import { RequestSlots } from '../live/request-slots.ts'
import type { ClusterVerdict } from '../picture/cluster-verdict.ts'
import type { ClusterSight } from '../picture/sight.ts'
import { type ChaosTarget, CommandsPanel } from './commands-panel.tsx'
import type { LiveConnection } from './live-connection.ts'
import { LiveTimeLine } from './live-time-line.tsx'
import { MembersPanel } from './members-panel.tsx'
import { OwnersPanel } from './owners-panel.tsx'
import { RequestCharts } from './request-charts.tsx'
import { TokenPanel } from './token-panel.tsx'

const NOTHING: LiveScene = {
  status: null,
  sight: null,
  ring: null,
  log: [],
  clock: new NodeClock(),
  requests: new RequestSlots(),
  hasToken: false,
  notLetIn: null,
  isAsking: false,
  trouble: null,
}

export function LiveLab({ connection }: { readonly connection: LiveConnection }): VNode {
  const [scene, setScene] = useState(NOTHING)
  const [refusal, setRefusal] = useState<string | null>(null)
  useEffect(() => connection.listen({ scene: setScene, refused: setRefusal }), [connection])
  const { sight, trouble, notLetIn, isAsking, hasToken } = scene
  return (
    <>
      {refusal !== null && (
        <p class="refusal" role="alert">
          {refusal}
        </p>
      )}
      <TokenPanel
        notLetIn={notLetIn}
        isAsking={isAsking}
        trouble={trouble}
        hasToken={hasToken}
        use={(token) => {
          setRefusal(null)
          connection.useToken(token)
        }}
      />
      {sight === null ? (
        notLetIn === null && (
          <p class="loading" role="status">
            {trouble ?? 'Waiting for the node …'}
          </p>
        )
      ) : (
        <Parts
          scene={scene}
          sight={sight}
          choose={(key) => {
            setRefusal(null)
            connection.choose(key)
          }}
        />
      )}
    </>
  )
}

interface PartsProps {
  readonly scene: LiveScene
  readonly sight: ClusterSight
  readonly choose: LiveConnection['choose']
}

function Parts({ scene, sight, choose }: PartsProps): VNode {
  const [target, setTarget] = useState<ChaosTarget | null>(null)
  const deed = useMemo(
    (): LinkDeed => ({
      words: () => 'show the commands that break it',
      press: ({ from, to }) => setTarget({ from, to }),
    }),
    [],
  )
  const { status, ring, log, clock, requests, hasToken, trouble } = scene
  const { nodes, links } = sight
  const chosen = target !== null && 'node' in target ? target.node : null
  return (
    <main>
      <VerdictBar
        verdict={trouble === null ? sight.verdict : unknownVerdict(trouble)}
        alarm={null}
      />
      <div class={`columns ${trouble === null ? '' : 'outdated'}`}>
        <div class="column">
          <MembersPanel status={status} />
          <Steady
            by={`${nodes.map(({ id }) => id).join()} ${linksKey(links)}`}
            draw={() => (
              <ReachMatrix
                sight={sight}
                about="What each node says of the others. A dash: it does not answer. Press a cell for the commands that break the link."
                deed={deed}
              />
            )}
          />
        </div>
        <div class="column">
          <section class="panel stage" aria-label="The cluster">
            <ClusterPicture
              sight={sight}
              chosenNode={chosen}
              chooseNode={(node) => setTarget(chosen === node ? null : { node })}
              deed={deed}
            />
            <p class="hint">Click a node or a link for the commands that break it.</p>
          </section>
          <LiveTimeLine log={log} clock={clock} />
          <RequestCharts node={status?.node ?? ''} requests={requests} clock={clock} />
        </div>
        <div class="column">
          <CommandsPanel ids={nodes.map(({ id }) => id)} target={target} choose={setTarget} />
          <OwnersPanel ring={ring} hasToken={hasToken} choose={choose} />
        </div>
      </div>
    </main>
  )
}

/** The last sight stays, but nobody knows what has happened since. */
function unknownVerdict(trouble: string): ClusterVerdict {
  const sentences = [trouble, 'The picture shows what it told last. The page tries again.']
  return { grade: 'lost', title: 'Unknown', sentences, spare: -1 }
}
