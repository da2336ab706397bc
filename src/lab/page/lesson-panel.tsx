/// <reference lib="dom" />
/** The lessons: predict, do, see. */
import type { VNode } from 'preact'
import type { Lesson } from '../lessons/lesson.ts'
import { LESSONS } from '../lessons/lessons.ts'
import { type LabDeeds, type LabState, lessonOf } from './use-lab.ts'

interface Props {
  readonly lab: LabState
  readonly deeds: LabDeeds
}

export function LessonPanel({ lab, deeds }: Props): VNode {
  const { lesson, passed } = lab
  return (
    <section class="panel lesson" aria-labelledby="lesson-title">
      <h2 id="lesson-title">Lessons</h2>
      <label class="wide">
        Choose a lesson
        <select
          value={lesson?.id ?? ''}
          onChange={({ currentTarget }) => deeds.beginLesson(lessonOf(currentTarget.value))}
        >
          <option value="">none: play freely</option>
          {LESSONS.map(({ id, title }) => (
            <option key={id} value={id}>
              {passed.includes(id) ? '✓ ' : ''}
              {id}. {title}
            </option>
          ))}
        </select>
      </label>
      {lesson === null ? (
        <p class="hint">
          {passed.length} of {LESSONS.length} lessons passed. Each takes about two minutes: predict,
          break something, and see what happens.
        </p>
      ) : (
        <Body lesson={lesson} lab={lab} deeds={deeds} />
      )}
    </section>
  )
}

function Body({ lesson, lab, deeds }: Props & { readonly lesson: Lesson }): VNode {
  const { guess, done } = lab.progress
  const isOver = done === lesson.steps.length
  return (
    <>
      <p>{lesson.idea}</p>
      <fieldset class="question">
        <legend>First predict: {lesson.question}</legend>
        {lesson.choices.map((choice, i) => (
          <label key={choice} class="check">
            <input
              type="radio"
              name={`question-${lesson.id}`}
              checked={guess === i}
              disabled={isOver}
              onChange={() => deeds.guess(i)}
            />
            {choice}
          </label>
        ))}
      </fieldset>
      {guess === null ? (
        <p class="hint">The steps appear after your prediction.</p>
      ) : (
        <ol class="steps">
          {lesson.steps.map(({ todo, see }, i) => (
            <li key={todo} class={i < done ? 'done' : i === done ? 'next' : 'later'}>
              <span class="sign" aria-hidden="true">
                {i < done ? '✓' : i + 1}
              </span>
              <span>
                {todo}
                <span class="unseen">{i < done ? ' Done.' : ''}</span>
                {i < done && <span class="see">{see}</span>}
              </span>
            </li>
          ))}
        </ol>
      )}
      <p role="status" aria-live="polite" class={isOver ? 'result' : 'unseen'}>
        {isOver && (
          <>
            <b>
              {guess === lesson.right
                ? 'Your prediction was right.'
                : 'It is different from what you predicted.'}
            </b>{' '}
            {lesson.because}
          </>
        )}
      </p>
      <div class="buttons">
        <button type="button" onClick={() => deeds.beginLesson(lesson)}>
          Begin again
        </button>
        <button type="button" onClick={deeds.replayLesson}>
          Watch a replay
        </button>
      </div>
      {lab.isReplay && <p class="hint">This is a replay. Begin again to do the lesson yourself.</p>}
      <details>
        <summary>The same on real containers</summary>
        <pre>{lesson.commands.join('\n')}</pre>
      </details>
    </>
  )
}
