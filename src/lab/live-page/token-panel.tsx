/// <reference lib="dom" />
/** Asks for a token if the node wants one, and tells that the page sends one. */
import type { VNode } from 'preact'
import { useId, useState } from 'preact/hooks'

interface Props {
  /** Why the node does not let the page in, as a sentence; null if it does. */
  readonly notLetIn: string | null
  /** Whether the node is being asked with another token. */
  readonly isAsking: boolean
  /** Why the node tells nothing now, as a sentence; null if it does. */
  readonly trouble: string | null
  readonly hasToken: boolean
  /** Sends that token from now on; none if it is null. */
  readonly use: (token: string | null) => void
}

/** A header can carry only these characters. */
const TOKEN = /^[\x21-\x7e]+$/

export function TokenPanel({ notLetIn, isAsking, trouble, hasToken, use }: Props): VNode | null {
  const [text, setText] = useState('')
  const [problem, setProblem] = useState<string | null>(null)
  const about = useId()
  if (notLetIn === null) {
    return hasToken ? (
      <p class="token-note">
        This page sends a token. Only this page knows it, until you close or reload the page.{' '}
        <button type="button" onClick={() => use(null)}>
          Forget the token
        </button>
      </p>
    ) : null
  }
  const told = trouble ?? `The node says: ${sentence(notLetIn)}`
  return (
    <section class="panel token" aria-labelledby="token-title">
      <h2 id="token-title">
        {hasToken && !isAsking ? 'This token is not enough' : 'This node asks for a token'}
      </h2>
      <p role="alert">{problem ?? (isAsking ? 'Asking the node …' : told)}</p>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault()
          const token = text.trim()
          setProblem(TOKEN.test(token) ? null : 'A token has only letters, digits and signs.')
          if (!TOKEN.test(token)) return
          setText('')
          use(token)
        }}
      >
        <label>
          Token
          <input
            type="password"
            value={text}
            required
            autocomplete="off"
            spellcheck={false}
            aria-describedby={about}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          Use this token
        </button>
        {hasToken && (
          <button type="button" onClick={() => use(null)}>
            Forget the token
          </button>
        )}
      </form>
      <p class="hint" id={about}>
        It needs the right admin over all buckets. The page keeps it in memory only, and sends it to
        this node alone, in a header. After a reload it is gone. To make one:{' '}
        <code>
          npx quorate token create viewer --grant '*=admin' --ttl 8h --token-file root-token
        </code>
      </p>
    </section>
  )
}

function sentence(words: string): string {
  const whole = words.charAt(0).toUpperCase() + words.slice(1)
  return /[.!?]$/.test(whole) ? whole : `${whole}.`
}
