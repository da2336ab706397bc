/** The verdict on the cluster, which a screen reader reads out when it changes. */
import type { VNode } from 'preact'
import { clusterVerdict } from '../picture/cluster-verdict.ts'
import type { Scene } from '../run/scene.ts'

const SIGNS = { good: '✓', limited: '!', lost: '✕' } as const

export function VerdictBar({ scene }: { readonly scene: Scene }): VNode {
  const { grade, title, sentences } = clusterVerdict(scene.view)
  const { violation } = scene.view
  return (
    <section class={`verdict ${grade}`} aria-label="Verdict on the cluster">
      <span class="sign" aria-hidden="true">
        {SIGNS[grade]}
      </span>
      <p role="status" aria-live="polite">
        <strong>{title}.</strong> {sentences.join(' ')}
      </p>
      {violation !== null && (
        <p class="violation" role="alert">
          A promise that every run must keep is broken, which is a bug of Quorate:{' '}
          {violation.message}. Please report the link of this run.
        </p>
      )}
    </section>
  )
}
