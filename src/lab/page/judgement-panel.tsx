/// <reference lib="dom" />
/** What the clients have seen, judged at every level of consistency, with the smallest evidence. */
import type { VNode } from 'preact'
import type { LevelVerdict } from '../../simulation/interactive/judgement.ts'
import { answeredWords, askedWords, STATE_MARKS } from '../picture/request-words.ts'
import type { Scene } from '../run/scene.ts'

interface Props {
  readonly scene: Scene
  readonly evidence: readonly number[]
  readonly setEvidence: (requests: readonly number[]) => void
}

const SIGNS = { holds: '✓', broken: '✕', unknown: '?' } as const
const SHOWN_REQUESTS = 40

export function JudgementPanel({ scene, evidence, setEvidence }: Props): VNode {
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
          {levels.map((level) => (
            <Level key={level.level} level={level} evidence={evidence} setEvidence={setEvidence} />
          ))}
        </ol>
        <ol class="history" aria-label="All requests, the newest first">
          {requests
            .slice(-SHOWN_REQUESTS)
            .toReversed()
            .map((request) => {
              const isEvidence = evidence.includes(request.number)
              const state = request.state.replace(' ', '-')
              return (
                <li key={request.number} class={`${state} ${isEvidence ? 'evidence' : ''}`}>
                  <span class="sign" aria-hidden="true">
                    {STATE_MARKS[request.state]}
                  </span>
                  <span>
                    {request.number}: {askedWords(request)}: {answeredWords(request)}
                    {isEvidence && <b class="evidence-note"> ← evidence</b>}
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
  readonly evidence: readonly number[]
  readonly setEvidence: (requests: readonly number[]) => void
}

function Level({
  level: { level, meaning, judgement, why, evidence: own },
  evidence,
  setEvidence,
}: LevelProps): VNode {
  const isShown = own.length > 0 && own.join() === evidence.join()
  return (
    <li class={judgement}>
      <span class="sign" aria-hidden="true">
        {SIGNS[judgement]}
      </span>
      <span>
        <b>{level}</b> <span class="state-word">{judgement}</span>
        <span class="meaning">{meaning}</span>
        {why !== null && <span class="why">{why}.</span>}
        {own.length > 0 && (
          <button
            type="button"
            aria-pressed={isShown}
            onClick={() => setEvidence(isShown ? [] : own)}
          >
            {isShown ? 'Hide' : 'Show'} the evidence: request{own.length === 1 ? '' : 's'}{' '}
            {own.join(', ')}
          </button>
        )}
      </span>
    </li>
  )
}
