/** The verdict on the cluster, which a screen reader reads out when it changes. */
import type { VNode } from 'preact'
import type { ClusterVerdict } from '../picture/cluster-verdict.ts'

interface Props {
  readonly verdict: ClusterVerdict
  /** What else must be told, loudly; null if nothing. */
  readonly alarm: string | null
}

const SIGNS = { good: '✓', limited: '!', lost: '✕' } as const

export function VerdictBar({ verdict: { grade, title, sentences }, alarm }: Props): VNode {
  return (
    <section class={`verdict ${grade}`} aria-label="Verdict on the cluster">
      <span class="sign" aria-hidden="true">
        {SIGNS[grade]}
      </span>
      <p role="status" aria-live="polite">
        <strong>{title}.</strong> {sentences.join(' ')}
      </p>
      {alarm !== null && (
        <p class="violation" role="alert">
          {alarm}
        </p>
      )}
    </section>
  )
}
