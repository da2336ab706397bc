/// <reference lib="dom" />
/** One request hop by hop, in words. The picture shows the same steps with the same numbers. */
import type { VNode } from 'preact'
import type { Followed } from '../../simulation/interactive/request-hops.ts'
import type { RequestView } from '../../simulation/interactive/timed-clients.ts'
import { type HopMark, type HopStory, msWords } from '../picture/hop-story.ts'
import { answeredWords, askedWords, clientName } from '../picture/request-words.ts'
import type { LabDeeds } from './use-lab.ts'

interface Props {
  /** Null if the followed request has not been sent at this instant, or was sent too long ago. */
  readonly story: HopStory | null
  readonly followed: Followed
  readonly requests: readonly RequestView[]
  /** The followed request; null if `story` is. */
  readonly request: RequestView | null
  readonly isDrawn: boolean
  readonly draw: (isDrawn: boolean) => void
  readonly deeds: LabDeeds
}

const SHOWN_REQUESTS = 40
/** A little before the request, so that its first message is seen as it leaves. */
const BEFORE_US = 300
const SIGNS: Readonly<Record<HopMark, string>> = {
  plain: '',
  decides: '★',
  late: '☾',
  lost: '✕',
  waits: '…',
}
const SIGN_WORDS: Readonly<Record<HopMark, string>> = {
  plain: '',
  decides: 'decided',
  late: 'late',
  lost: 'failed',
  waits: 'open',
}

export function HopsPanel(props: Props): VNode {
  const { story, followed, requests, request, isDrawn, draw, deeds } = props
  const sentUs = request?.sentUs ?? null
  return (
    <section class="panel hops-panel" aria-labelledby="hops-title">
      <h2 id="hops-title">Hop by hop</h2>
      <label class="wide">
        Request
        <select
          value={valueOf(followed)}
          onChange={({ currentTarget }) => deeds.follow(followedOf(currentTarget.value))}
        >
          <option value="newest">the newest</option>
          {clientsOf(requests).map((client) => (
            <option key={client} value={`client ${client}`}>
              the newest of {clientName(client)}
            </option>
          ))}
          {optionsOf(requests, followed).map((request) => (
            <option key={request.number} value={`request ${request.number}`}>
              {request.number}: {askedWords(request)}: {answeredWords(request)}
            </option>
          ))}
          {isMissing(requests, followed) && (
            <option value={valueOf(followed)}>{valueOf(followed)}: not sent yet</option>
          )}
        </select>
      </label>
      {story === null ? (
        <p class="hint">
          {requests.length === 0
            ? 'Let a client put or get something. Then you see here which node asked whom, who answered what and when, and which answer decided.'
            : 'The chosen request has not been sent at this instant, or too long ago.'}
        </p>
      ) : (
        <Story story={story} />
      )}
      <div class="buttons">
        <button
          type="button"
          disabled={sentUs === null}
          onClick={() => {
            if (request === null || sentUs === null) return
            deeds.watchSlowly(request.number, Math.max(0, sentUs - BEFORE_US))
          }}
        >
          Watch it slowly
        </button>
        <label class="check">
          <input
            type="checkbox"
            checked={isDrawn}
            onChange={({ currentTarget }) => draw(currentTarget.checked)}
          />
          draw it in the picture
        </label>
      </div>
    </section>
  )
}

function Story({ story: { title, rule, decided, steps } }: { readonly story: HopStory }): VNode {
  return (
    <>
      <p>
        <b>{title}.</b> {rule} {decided !== null && <b>{decided}</b>}
      </p>
      <ol class="hop-steps" aria-label={`Steps of the request: ${title}`}>
        {steps.map(({ number, afterUs, words, mark }) => (
          <li key={number} class={mark}>
            <span class="hop-step-number" aria-hidden="true">
              {number}
            </span>
            <span class="hop-time">{msWords(afterUs)}</span>
            <span>
              {words}
              {mark !== 'plain' && (
                <>
                  {' '}
                  <span class="hop-sign" title={SIGN_WORDS[mark]} aria-hidden="true">
                    {SIGNS[mark]}
                  </span>
                </>
              )}
            </span>
          </li>
        ))}
      </ol>
      <p class="hint" aria-hidden="true">
        ★ the thick line decided · dashed: after the outcome · ✕ lost, or without an answer
      </p>
    </>
  )
}

function clientsOf(requests: readonly RequestView[]): readonly number[] {
  return [...new Set(requests.map(({ action }) => action.client))].sort((a, b) => a - b)
}

/** The newest requests first, and the followed one. */
function optionsOf(requests: readonly RequestView[], followed: Followed): readonly RequestView[] {
  const shown = requests.slice(-SHOWN_REQUESTS).toReversed()
  const chosen = requests.find(({ number }) => number === numberOf(followed))
  return chosen === undefined || shown.includes(chosen) ? shown : [...shown, chosen]
}

/** Whether somebody went back in time, to before the followed request. */
function isMissing(requests: readonly RequestView[], followed: Followed): boolean {
  const wanted = numberOf(followed)
  return wanted !== undefined && !requests.some(({ number }) => number === wanted)
}

/** Undefined if no certain request is followed. */
function numberOf(followed: Followed): number | undefined {
  return typeof followed === 'object' && 'request' in followed ? followed.request : undefined
}

function valueOf(followed: Followed): string {
  if (followed === 'newest') return followed
  return 'client' in followed ? `client ${followed.client}` : `request ${followed.request}`
}

function followedOf(value: string): Followed {
  const [what, number] = value.split(' ')
  if (what === 'client') return { client: Number(number) }
  return what === 'request' ? { request: Number(number) } : 'newest'
}
