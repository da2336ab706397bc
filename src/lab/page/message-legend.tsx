/** What the shapes of the messages in the picture mean. */
import type { VNode } from 'preact'
import { CLASS_WORDS, MESSAGE_CLASSES } from '../picture/message-class.ts'
import { MessageShape } from './messages.tsx'

/** It never changes. */
export const MESSAGE_LEGEND = <Legend />

function Legend(): VNode {
  return (
    <ul class="legend" aria-label="What the messages in the picture are">
      {MESSAGE_CLASSES.map((each) => (
        <li key={each}>
          <svg viewBox="-8 -8 16 16" aria-hidden="true">
            <MessageShape of={each} isAnswer={false} />
          </svg>
          {CLASS_WORDS[each]}
        </li>
      ))}
      <li>
        <svg viewBox="-8 -8 16 16" aria-hidden="true">
          <MessageShape of="write" isAnswer={true} />
        </svg>
        hollow: an answer
      </li>
    </ul>
  )
}
