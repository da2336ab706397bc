/**
 * The rows of a time line: what happened when, as signs whose words are shown on demand. Lists elsewhere on the page tell
 * the same to screen readers.
 */
import type { VNode } from 'preact'
import type { TimeMark, TimeRow } from '../picture/time-marks.ts'

interface Props {
  readonly rows: readonly TimeRow[]
  readonly fromUs: number
  readonly toUs: number
  /** The numbers of the requests that are marked as evidence. */
  readonly evidence: readonly number[]
  readonly timeWords: (us: number) => string
  readonly press: (mark: TimeMark) => void
}

export function Tracks({ rows, ...scale }: Props): VNode {
  return (
    <>
      {rows.map(({ name, marks }) => (
        <div class="track" key={name} aria-hidden="true">
          <span class="track-name">{name}</span>
          <span class="track-marks">
            {marks.map((mark, i) => (
              <Mark key={i} mark={mark} {...scale} />
            ))}
          </span>
        </div>
      ))}
    </>
  )
}

function Mark({
  mark,
  fromUs,
  toUs,
  evidence,
  timeWords,
  press,
}: { readonly mark: TimeMark } & Omit<Props, 'rows'>): VNode {
  const { atUs, sign, words, state, request } = mark
  const isEvidence = request !== undefined && evidence.includes(request)
  const kind = sign === '◆' ? 'repair' : (state?.replace(' ', '-') ?? 'fault')
  const part = (atUs - fromUs) / Math.max(1, toUs - fromUs)
  return (
    <span
      class={`mark ${kind} ${isEvidence ? 'evidence' : ''}`}
      style={{ left: `${(part * 100).toFixed(2)}%` }}
      title={`${timeWords(atUs)}: ${words}`}
      onClick={() => press(mark)}
    >
      {sign}
    </span>
  )
}
