/// <reference lib="dom" />
/** Asks for a token if the node wants one, and tells that the page sends one. */
import type { VNode } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'

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
  const note = useRef<HTMLParagraphElement>(null)
  const field = useRef<HTMLInputElement>(null)
  const isUsed = useRef(false)
  const isLetIn = notLetIn === null
  // The part that had the focus vanishes, so its successor gets it.
  useEffect(() => {
    if (isUsed.current) (isLetIn ? note : field).current?.focus()
  }, [isLetIn, hasToken])
  const change = (token: string | null): void => {
    isUsed.current = true
    use(token)
  }
  if (isLetIn) {
    return hasToken ? (
      <div class="token-note">
        <p role="status" tabIndex={-1} ref={note}>
          This page sends a token. The page keeps it only until you close or reload it.
        </p>
        <button type="button" onClick={() => change(null)}>
          Forget the token
        </button>
      </div>
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
          change(token)
        }}
      >
        <label>
          Token
          <input
            ref={field}
            class="secret"
            value={text}
            required
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            aria-describedby={about}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          Use this token
        </button>
        {hasToken && (
          <button type="button" onClick={() => change(null)}>
            Forget the token
          </button>
        )}
      </form>
      <p class="hint" id={about}>
        It needs the right admin over all buckets. The page keeps it in memory only, and sends it to
        this node alone, in a header. After a reload the page has forgotten it. If your browser
        offers to save it, decline. To make one:{' '}
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
