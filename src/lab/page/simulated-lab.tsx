/// <reference lib="dom" />
/** The lab with the simulated cluster: everything can be broken, repeated and judged. */
import type { VNode } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { ClusterPicture, linksKey } from '../drawing/cluster-picture.tsx'
import type { LinkDeed } from '../drawing/link-lane.tsx'
import { ReachMatrix } from '../drawing/reach-matrix.tsx'
import { Steady } from '../drawing/steady.tsx'
import { VerdictBar } from '../drawing/verdict-bar.tsx'
import type { Lesson } from '../lessons/lesson.ts'
import { announcement } from '../picture/announcement.ts'
import { hopStory } from '../picture/hop-story.ts'
import { sightOf } from '../picture/sight.ts'
import type { ChosenKey, Scene } from '../run/scene.ts'
import type { LevelVerdict, Verdict } from '../../simulation/interactive/judgement.ts'
import { ClientBadge } from './client-badge.tsx'
import { ClientsPanel } from './clients-panel.tsx'
import { FaultsPanel } from './faults-panel.tsx'
import { HopLines } from './hop-lines.tsx'
import { HopsPanel } from './hops-panel.tsx'
import { JudgementPanel } from './judgement-panel.tsx'
import { KeyPanel } from './key-panel.tsx'
import { LessonPanel } from './lesson-panel.tsx'
import { MESSAGE_LEGEND } from './message-legend.tsx'
import { Messages, Sparks } from './messages.tsx'
import { RunPanel } from './run-panel.tsx'
import { useSettled } from './settled-scene.ts'
import { TimeLine } from './time-line.tsx'
import type { LabDeeds, LabState } from './use-lab.ts'

interface Props {
  readonly lab: LabState
  readonly deeds: LabDeeds
}

export function SimulatedLab({ lab, deeds }: Props): VNode {
  const { scene } = lab
  return (
    <>
      {lab.refusal !== null && (
        <p class="refusal" role="alert">
          Not done: {lab.refusal}.
        </p>
      )}
      {scene === null ? (
        <p class="loading">The cluster starts …</p>
      ) : (
        <Parts lab={lab} newest={scene} deeds={deeds} />
      )}
    </>
  )
}

/** The broken level whose evidence is marked: the chosen one, or else the strongest. */
function shownLevel({ levels }: Verdict, chosen: string | null): LevelVerdict | undefined {
  const broken = levels.filter(({ evidence }) => evidence.length > 0)
  return broken.find(({ level }) => level === chosen) ?? broken[0]
}

/** All keys that the lesson needs. */
function keysOf(lesson: Lesson | null): readonly ChosenKey[] {
  return lesson === null ? [] : [lesson.key, ...(lesson.otherKeys ?? [])]
}

/** A click on a link in the picture cuts or heals both directions; a cell of the matrix cuts one. */
function linkDeeds({ act }: LabDeeds): { readonly both: LinkDeed; readonly one: LinkDeed } {
  const deed = (oneWay: boolean, words: string): LinkDeed => ({
    words: ({ cut }) => (cut === null ? words : 'heal it'),
    press: ({ from, to, cut }) => {
      if (cut !== null) act({ do: 'heal', from: [from], to: [to] })
      else act({ do: 'cut', from: [from], to: [to], ...(oneWay ? { oneWay } : {}) })
    },
  })
  return { both: deed(false, 'cut both directions'), one: deed(true, 'cut this direction') }
}

function Parts({ lab, newest, deeds }: Props & { readonly newest: Scene }): VNode {
  const scene = useSettled(newest)
  const [level, setLevel] = useState<string | null>(null)
  const [isHopsDrawn, drawHops] = useState(true)
  const deed = useMemo(() => linkDeeds(deeds), [deeds])
  const { clients, target } = lab
  const { view, verdict, isPlaying } = scene
  const sight = useMemo(() => sightOf(view), [view])
  const hops = useMemo(() => JSON.stringify([view.hops, isHopsDrawn]), [view, isHopsDrawn])
  const story = useMemo(() => view.hops && hopStory(view.hops), [hops])
  const shown = shownLevel(verdict, level)
  const evidence = shown?.evidence ?? []
  const requests = view.requests.map(({ number, state }) => `${number} ${state}`).join()
  const nodes = useMemo(() => JSON.stringify(view.nodes), [view])
  const links = linksKey(view.links)
  const lesson = JSON.stringify([lab.lesson?.id, lab.progress, lab.passed, lab.isReplay])
  const asked = JSON.stringify([lab.key, lab.lesson?.id, clients, isPlaying, announcement(scene)])
  const alarm =
    view.violation === null
      ? null
      : 'A promise that every run must keep is broken, which is a bug of Quorate: ' +
        `${view.violation.message}. Please report the link of this run.`
  return (
    <main>
      <Steady
        by={`${nodes} ${links} ${alarm}`}
        draw={() => <VerdictBar verdict={sight.verdict} alarm={alarm} />}
      />
      <div class="columns">
        <div class="column">
          <Steady by={lesson} draw={() => <LessonPanel lab={lab} deeds={deeds} />} />
          <Steady
            by={links}
            draw={() => (
              <ReachMatrix
                sight={sight}
                about="Press a cell to cut that direction, or to heal the cuts between the two."
                deed={deed.one}
              />
            )}
          />
        </div>
        <div class="column">
          <section class="panel stage" aria-label="The cluster">
            <ClusterPicture
              sight={sight}
              chosenNode={target}
              chooseNode={deeds.select}
              deed={deed.both}
              messages={(places) => (
                <>
                  <Steady
                    by={`${hops} ${places.order.join()}`}
                    draw={() => (
                      <HopLines lines={(isHopsDrawn && story?.lines) || []} places={places} />
                    )}
                  />
                  <Messages scene={newest} places={places} />
                </>
              )}
              above={(places) => <Sparks scene={newest} places={places} />}
              beside={{
                by: JSON.stringify([clients, view.requests.map(({ state }) => state)]),
                draw: (places) =>
                  clients.map((client) => (
                    <ClientBadge
                      key={client.client}
                      client={client}
                      places={places}
                      requests={view.requests}
                    />
                  )),
              }}
            />
            {MESSAGE_LEGEND}
            <Steady
              by={`${nodes} ${links} ${target}`}
              draw={() => <FaultsPanel scene={scene} target={target} deeds={deeds} />}
            />
          </section>
          <TimeLine newest={newest} scene={scene} evidence={evidence} deeds={deeds} />
          <Steady
            by={`${hops} ${requests} ${JSON.stringify(scene.followed)}`}
            draw={() => (
              <HopsPanel
                story={story}
                followed={scene.followed}
                requests={view.requests}
                request={view.hops?.request ?? null}
                isDrawn={isHopsDrawn}
                draw={drawHops}
                deeds={deeds}
              />
            )}
          />
        </div>
        <div class="column">
          <Steady
            by={`${requests} ${nodes} ${asked}`}
            draw={() => (
              <ClientsPanel
                scene={scene}
                chosen={lab.key}
                keys={keysOf(lab.lesson)}
                clients={clients}
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
