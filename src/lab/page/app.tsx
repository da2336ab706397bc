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
import type { Scene } from '../run/scene.ts'
import { ReachMatrix } from './reach-matrix.tsx'
import { RunPanel } from './run-panel.tsx'
import { TimeLine } from './time-line.tsx'
import { Steady } from './steady.tsx'
import { type LabDeeds, type LabState, useLab } from './use-lab.ts'
import { VerdictBar } from './verdict-bar.tsx'

/** The broken level whose evidence is marked: the chosen one, or else the strongest. */
function shownLevel({ levels }: Verdict, chosen: string | null): LevelVerdict | undefined {
  const broken = levels.filter(({ evidence }) => evidence.length > 0)
  return broken.find(({ level }) => level === chosen) ?? broken[0]
}

export function App({ connection }: { readonly connection: LabConnection }): VNode {
  const [lab, deeds] = useLab(connection)
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
        <Parts lab={lab} scene={scene} deeds={deeds} />
      )}
    </>
  )
}

interface PartsProps {
  readonly lab: LabState
  readonly scene: Scene
  readonly deeds: LabDeeds
}

function Parts({ lab, scene, deeds }: PartsProps): VNode {
  const [clients, setClients] = useState(CLIENTS)
  const [level, setLevel] = useState<string | null>(null)
  const { view, verdict, isPlaying } = scene
  const shown = shownLevel(verdict, level)
  const evidence = shown?.evidence ?? []
  const requests = view.requests.map(({ number, state }) => `${number} ${state}`).join()
  const nodes = JSON.stringify(view.nodes)
  const links = view.links.map(({ from, to, cut, isOpen }) => `${from}${to}${cut}${isOpen}`).join()
  const lesson = JSON.stringify([lab.lesson?.number, lab.progress, lab.passed, lab.isReplay])
  const asked = JSON.stringify([lab.key, clients, isPlaying])
  return (
    <main>
      <Steady
        by={`${nodes} ${links} ${view.violation?.message}`}
        draw={() => <VerdictBar scene={scene} />}
      />
      <div class="columns">
        <div class="column">
          <Steady by={lesson} draw={() => <LessonPanel lab={lab} deeds={deeds} />} />
          <Steady by={links} draw={() => <ReachMatrix scene={scene} deeds={deeds} />} />
        </div>
        <div class="column">
          <section class="panel stage" aria-label="The cluster">
            <ClusterPicture scene={scene} target={lab.target} clients={clients} deeds={deeds} />
            <Steady
              by={`${nodes} ${links} ${JSON.stringify(lab.target)}`}
              draw={() => <FaultsPanel scene={scene} target={lab.target} deeds={deeds} />}
            />
          </section>
          <TimeLine scene={scene} evidence={evidence} deeds={deeds} />
        </div>
        <div class="column">
          <Steady
            by={`${requests} ${nodes} ${asked}`}
            draw={() => (
              <ClientsPanel
                scene={scene}
                chosen={lab.key}
                clients={clients}
                setClients={setClients}
                deeds={deeds}
              />
            )}
          />
          <Steady by={JSON.stringify(view.key)} draw={() => <KeyPanel scene={scene} />} />
        </div>
      </div>
      <div class="columns below">
        <Steady
          by={`${requests} ${shown?.level} ${evidence.join()}`}
          draw={() => <JudgementPanel scene={scene} shown={shown} show={setLevel} />}
        />
        <RunPanel scene={scene} deeds={deeds} />
      </div>
    </main>
  )
}
