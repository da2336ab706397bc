/// <reference lib="dom" />
/** The whole page: a simulated cluster, or the live one whose node serves the page. */
import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { CAN_BE_LIVE, LIVE_HASH, LiveConnection } from '../live-page/live-connection.ts'
import { LiveLab } from '../live-page/live-lab.tsx'
import type { LabConnection } from './lab-connection.ts'
import { SimulatedLab } from './simulated-lab.tsx'
import { useLab } from './use-lab.ts'

function isLiveAddress(): boolean {
  return CAN_BE_LIVE && location.hash === LIVE_HASH
}

export function App({ connection }: { readonly connection: LabConnection }): VNode {
  const [isLive, setLive] = useState(isLiveAddress)
  const [lab, deeds] = useLab(connection, !isLive)
  // It stays while the simulated cluster is shown, with its token.
  const [live] = useState(() => new LiveConnection())
  /** The address of the simulated run, while the live cluster is shown. */
  const run = useRef('#')
  useEffect(() => {
    const follow = (): void => setLive(isLiveAddress())
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  // An effect, so that it comes after those of the simulated run, which also write the address.
  useEffect(() => {
    if (isLive) history.replaceState(null, '', LIVE_HASH)
  }, [isLive])
  const show = (live: boolean): void => {
    if (live === isLive) return
    // The address is empty until the first run has begun.
    if (live) run.current = location.hash || '#'
    else history.replaceState(null, '', run.current)
    setLive(live)
  }
  return (
    <>
      <header class="top">
        <h1>Quorate lab</h1>
        {CAN_BE_LIVE && (
          <nav class="buttons" aria-label="Which cluster">
            <button type="button" aria-pressed={!isLive} onClick={() => show(false)}>
              Simulated
            </button>
            <button type="button" aria-pressed={isLive} onClick={() => show(true)}>
              Live
            </button>
          </nav>
        )}
        <p>
          {isLive
            ? 'The cluster of the node that serves this page, as this node sees it.'
            : 'A replicated store in your browser. Break its network and its nodes, and see every promise judged.'}
        </p>
      </header>
      {isLive ? <LiveLab connection={live} /> : <SimulatedLab lab={lab} deeds={deeds} />}
    </>
  )
}
