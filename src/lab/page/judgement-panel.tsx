/// <reference lib="dom" />
/** What the clients have seen, judged at every level of consistency, with the smallest evidence. */
import type { VNode } from 'preact'
import type { LevelVerdict } from '../../simulation/interactive/judgement.ts'
import { answeredWords, askedWords, STATE_MARKS } from '../picture/request-words.ts'
import type { Scene } from '../run/scene.ts'

interface Props {
  readonly scene: Scene
  /** The level whose evidence is marked. */
  readonly shown: LevelVerdict | undefined
  readonly show: (level: string) => void
}

const SIGNS = { holds: '✓', broken: '✕', unknown: '?' } as const
const SHOWN_REQUESTS = 40

export function JudgementPanel({ scene, shown, show }: Props): VNode {
  const { requests } = scene.view
  const { levels, strongest } = scene.verdict
  return (
    <section class="panel judgement" aria-labelledby="judgement-title">
      <h2 id="judgement-title">The judgement</h2>
      {requests.length === 0 ? (
        <p class="hint">
          Let the clients put and get. Their history is then judged at every level of consistency.
        </p>
      ) : (
        <p>
          What the clients saw: <b>{strongest}</b>.
        </p>
      )}
      <div class="judged">
        <ol class="levels">
          {(requests.length === 0 ? [] : levels).map((level) => (
            <Level key={level.level} level={level} isShown={level === shown} show={show} />
          ))}
        </ol>
        <ol class="history" aria-label="All requests, the newest first">
          {requests
            .slice(-SHOWN_REQUESTS)
            .toReversed()
            .map((request) => {
              const isEvidence = shown?.evidence.includes(request.number) === true
              const state = request.state.replace(' ', '-')
              return (
                <li key={request.number} class={`${state} ${isEvidence ? 'evidence' : ''}`}>
                  <span class="sign" aria-hidden="true">
                    {STATE_MARKS[request.state]}
                  </span>
                  <span>
                    {request.number}: {askedWords(request)}: {answeredWords(request)}
                    {isEvidence && <b class="evidence-note"> ← evidence against {shown?.level}</b>}
                  </span>
                </li>
              )
            })}
        </ol>
      </div>
    </section>
  )
}

interface LevelProps {
  readonly level: LevelVerdict
  readonly isShown: boolean
  readonly show: (level: string) => void
}

function Level({ level: verdict, isShown, show }: LevelProps): VNode {
  const { level, meaning, judgement, why, evidence } = verdict
  return (
    <li class={judgement}>
      <span class="sign" aria-hidden="true">
        {SIGNS[judgement]}
      </span>
      <span>
        <b>{level}</b> <span class="state-word">{judgement}</span>
        <span class="meaning">{meaning}</span>
        {why !== null && <span class="why">{why}.</span>}
        {evidence.length > 0 && (
          <button type="button" aria-pressed={isShown} onClick={() => show(level)}>
            {isShown ? 'Marked' : 'Mark'} as evidence: request{evidence.length === 1 ? '' : 's'}{' '}
            {evidence.join(', ')}
          </button>
        )}
      </span>
    </li>
  )
}
