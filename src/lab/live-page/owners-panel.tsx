/// <reference lib="dom" />
/** Which nodes own a key of the live cluster, and what each holds. */
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { holdWords } from '../live/live-sight.ts'
import type { NodeRing } from '../live/node-status.ts'
import type { ChosenKey } from '../run/scene.ts'

/** The page of a node is at `/ui/`, maybe below the path of a proxy. */
const NODE_URL = new URL('..', location.href).href

/** The page does not show the token that it keeps. */
const AUTHORIZED = "-H 'Authorization: Bearer …' "

interface Props {
  readonly ring: NodeRing | null
  /** Whether the page sends a token. */
  readonly hasToken: boolean
  readonly choose: (key: ChosenKey | null) => void
}

export function OwnersPanel({ ring, hasToken, choose }: Props): VNode {
  const [bucket, setBucket] = useState('default')
  const [key, setKey] = useState('hello')
  return (
    <section class="panel key" aria-labelledby="owners-title">
      <h2 id="owners-title">Who owns a key</h2>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault()
          choose({ bucket, key })
        }}
      >
        <label>
          Bucket
          <input
            value={bucket}
            required
            maxLength={63}
            onInput={({ currentTarget }) => setBucket(currentTarget.value)}
          />
        </label>
        <label>
          Key
          <input
            value={key}
            required
            maxLength={200}
            onInput={({ currentTarget }) => setKey(currentTarget.value)}
          />
        </label>
        <button type="submit">Show</button>
        {ring !== null && (
          <button type="button" onClick={() => choose(null)}>
            Hide
          </button>
        )}
      </form>
      {ring !== null && (
        <ol class="copies">
          {ring.preference.map(({ node, role, holds }) => (
            <li key={node} class={role}>
              <span class="who">
                <b>{node}</b> {role === 'owner' ? 'owner' : 'stands in'}
              </span>
              <span class="copy">
                {holds === null ? 'no answer' : holdWords(holds).join(', ') || 'no copy'}
              </span>
            </li>
          ))}
        </ol>
      )}
      <p class="hint">
        A request hop by hop is shown for the simulated cluster only: this node tells counts, not
        single requests. What each owner answered to one request is in a header:{' '}
        <code>
          {`curl -i ${hasToken ? AUTHORIZED : ''}'${NODE_URL}v1/kv/default/hello?trace=true'`}
        </code>
      </p>
    </section>
  )
}
