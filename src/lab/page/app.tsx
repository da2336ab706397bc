/// <reference lib="dom" />
/** The whole page. */
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { ClientsPanel } from './clients-panel.tsx'
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

export function App({ connection }: { readonly connection: LabConnection }): VNode {
  const [lab, deeds] = useLab(connection)
  const [clients, setClients] = useState(CLIENTS)
  const [evidence, setEvidence] = useState<readonly number[]>([])
  const { scene } = lab
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
        <main class="grid">
          <VerdictBar scene={scene} />
          <LessonPanel lab={lab} deeds={deeds} />
          <section class="stage" aria-label="The cluster">
            <ClusterPicture scene={scene} target={lab.target} clients={clients} deeds={deeds} />
            <FaultsPanel scene={scene} target={lab.target} deeds={deeds} />
          </section>
          <TimeLine scene={scene} evidence={evidence} deeds={deeds} />
          <ClientsPanel
            scene={scene}
            chosen={lab.key}
            clients={clients}
            setClients={setClients}
            deeds={deeds}
          />
          <KeyPanel scene={scene} />
          <JudgementPanel scene={scene} evidence={evidence} setEvidence={setEvidence} />
          <ReachMatrix scene={scene} deeds={deeds} />
          <RunPanel scene={scene} deeds={deeds} />
        </main>
      )}
    </>
  )
}
