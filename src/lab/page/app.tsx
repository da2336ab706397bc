/// <reference lib="dom" />
/** The whole page. */
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { ClientsPanel } from './clients-panel.tsx'
import type { LevelVerdict, Verdict } from '../../simulation/interactive/judgement.ts'
import { CLIENTS } from './client-form.ts'
import { ClusterPicture } from './cluster-picture.tsx'
import { FaultsPanel } from './faults-panel.tsx'
import { JudgementPanel } from './judgement-panel.tsx'
import { KeyPanel } from './key-panel.tsx'
import type { LabConnection } from './lab-connection.ts'
import { LessonPanel } from './lesson-panel.tsx'
import { ReachMatrix } from './reach-matrix.tsx'
import { RunPanel } from './run-panel.tsx'
import { TimeLine } from './time-line.tsx'
import { useLab } from './use-lab.ts'
import { VerdictBar } from './verdict-bar.tsx'

/** The broken level whose evidence is marked: the chosen one, or else the strongest. */
function shownLevel({ levels }: Verdict, chosen: string | null): LevelVerdict | undefined {
  const broken = levels.filter(({ evidence }) => evidence.length > 0)
  return broken.find(({ level }) => level === chosen) ?? broken[0]
}

export function App({ connection }: { readonly connection: LabConnection }): VNode {
  const [lab, deeds] = useLab(connection)
  const [clients, setClients] = useState(CLIENTS)
  const [level, setLevel] = useState<string | null>(null)
  const { scene } = lab
  const shown = scene === null ? undefined : shownLevel(scene.verdict, level)
  const evidence = shown?.evidence ?? []
  return (
    <>
      <header class="top">
        <h1>Quorate lab</h1>
        <p>
          A replicated store in your browser. Break its network and its nodes, and see every promise
          judged.
        </p>
      </header>
      {lab.refusal !== null && (
        <p class="refusal" role="alert">
          Not done: {lab.refusal}.
        </p>
      )}
      {scene === null ? (
        <p class="loading">The cluster starts …</p>
      ) : (
        <main>
          <VerdictBar scene={scene} />
          <div class="columns">
            <div class="column">
              <LessonPanel lab={lab} deeds={deeds} />
              <ReachMatrix scene={scene} deeds={deeds} />
            </div>
            <div class="column">
              <section class="panel stage" aria-label="The cluster">
                <ClusterPicture scene={scene} target={lab.target} clients={clients} deeds={deeds} />
                <FaultsPanel scene={scene} target={lab.target} deeds={deeds} />
              </section>
              <TimeLine scene={scene} evidence={evidence} deeds={deeds} />
            </div>
            <div class="column">
              <ClientsPanel
                scene={scene}
                chosen={lab.key}
                clients={clients}
                setClients={setClients}
                deeds={deeds}
              />
              <KeyPanel scene={scene} />
            </div>
          </div>
          <div class="columns below">
            <JudgementPanel scene={scene} shown={shown} show={setLevel} />
            <RunPanel scene={scene} deeds={deeds} />
          </div>
        </main>
      )}
    </>
  )
}
