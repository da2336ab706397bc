/// <reference lib="dom" />
/** The time line: what happened when, a bar to go to any instant, and the speed. */
import type { VNode } from 'preact'
import { Steady } from '../drawing/steady.tsx'
import { Tracks } from '../drawing/tracks.tsx'
import { scaleEnd, timeRows } from '../picture/time-marks.ts'
import type { Scene } from '../run/scene.ts'
import type { LabDeeds } from './use-lab.ts'

interface Props {
  readonly newest: Scene
  /** From which the tracks are drawn. */
  readonly scene: Scene
  readonly evidence: readonly number[]
  readonly deeds: LabDeeds
}

const SPEEDS: readonly (readonly [speed: number, words: string])[] = [
  [0.0002, '5000 times slower'],
  [0.001, '1000 times slower'],
  [0.01, '100 times slower'],
  [0.1, '10 times slower'],
  [1, 'real time'],
  [10, '10× faster'],
  [100, '100× faster'],
  [1000, '1000× faster'],
]

export function TimeLine({ newest, scene, evidence, deeds }: Props): VNode {
  const { nowUs } = newest.view
  const { endUs, isPlaying, speed } = newest
  const { view, plan } = scene
  const scaleUs = scaleEnd(endUs)
  const states = view.requests.map(({ state }) => state).join()
  const later = plan.actions.filter(({ atMs }) => atMs * 1000 > view.nowUs).length
  const repaired = `${view.repairs.length} ${view.repairs.at(-1)?.atUs}`
  const drawn = `${scaleUs} ${states} ${plan.actions.length} ${later} ${repaired} ${evidence.join()}`
  const isOver = nowUs >= endUs
  return (
    <section class="panel time" aria-label="Time line">
      <div class="controls">
        <button type="button" onClick={() => deeds.seek(0)}>
          Start
        </button>
        <button type="button" class="primary" onClick={isPlaying ? deeds.pause : deeds.play}>
          <span aria-hidden="true">{isPlaying ? '❚❚ ' : '▶ '}</span>
          {isPlaying ? 'Pause' : 'Play'}
        </button>
        <button type="button" title="Go on until the next message arrives" onClick={deeds.step}>
          Step
        </button>
        <button type="button" disabled={isOver} onClick={() => deeds.seek(endUs)}>
          End
        </button>
        <label>
          Speed{' '}
          <select
            value={speed}
            onChange={({ currentTarget }) => deeds.setSpeed(Number(currentTarget.value))}
          >
            {SPEEDS.map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        </label>
        {/* Not an output, which screen readers would read out with every frame. */}
        <span class="clock" role="timer" aria-label="Virtual time">
          {seconds(nowUs)} s
        </span>
      </div>
      <div class="tracks">
        <Steady
          by={drawn}
          draw={() => (
            <Tracks
              rows={timeRows({ ...scene, endUs: scaleUs })}
              fromUs={0}
              toUs={scaleUs}
              evidence={evidence}
              timeWords={(us) => `${seconds(us)} s`}
              press={({ atUs, request }) => {
                if (request === undefined) deeds.seek(atUs)
                else deeds.follow({ request })
              }}
            />
          )}
        />
        <div class="track">
          <label class="track-name" for="instant">
            Instant
          </label>
          <input
            id="instant"
            class="instant"
            type="range"
            min={0}
            max={scaleUs}
            step={1000}
            value={nowUs}
            aria-valuetext={`${seconds(nowUs)} of ${seconds(endUs)} seconds`}
            onInput={({ currentTarget }) => deeds.seek(Number(currentTarget.value))}
          />
        </div>
      </div>
      <p class="hint">
        {isPlaying || isOver
          ? 'Drag the bar to go back to any instant: the run is repeated from its seed. Click a request to see it hop by hop.'
          : 'You are in the past. Play repeats what happened; if you do something now, what came later is dropped.'}
      </p>
    </section>
  )
}

function seconds(us: number): string {
  return (us / 1e6).toFixed(us % 1e5 === 0 ? 1 : 4)
}
